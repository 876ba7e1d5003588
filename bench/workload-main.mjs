// A process that runs one workload, in a closed loop unless it says otherwise, so that whoever asks for it spends no CPU meanwhile.
// Its parent sends {open}, then any number of {measure}; it ends when the parent goes.
import { closedLoop } from './closed-loop.mjs';

process.on('SIGINT', () => {}); // Ctrl-C is for the parent, which ends everything in order
process.on('disconnect', () => process.exit(0));

let workload;

const actions = {
  /** @param {{ module: string, context: object }} request */
  async open({ module, context }) {
    const { open } = await import(module);
    workload = await open(context);
    return workload.facts ?? {};
  },
  /** A workload that has no `measure` of its own is run in a closed loop. */
  measure: (options) =>
    (workload.measure ?? ((how) => closedLoop((caller) => workload.once(caller), how)))({
      ...options,
      onBegin: () => {
        workload.onBegin?.();
        process.send({ event: 'begin' });
      },
      onEnd: () => process.send({ event: 'end' }),
    }).then((result) => ({ ...result, ...workload.figures?.() })),
  close: () => workload?.close?.(),
};

process.on('message', async ({ action, argument }) => {
  try {
    process.send({ event: 'done', result: await actions[action](argument) });
  } catch (error) {
    process.send({ event: 'failed', message: error.stack ?? String(error) });
  }
});
