// CPU time of processes, as the kernel counts it. Only Linux tells; elsewhere the answer is null.
import { readdir, readFile } from 'node:fs/promises';

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10;

/** Positions behind the closing parenthesis of the command's name in /proc/<pid>/stat. */
const PARENT = 1;
const USER = 11;
const SYSTEM = 12;
const CHILDREN_USER = 13;
const CHILDREN_SYSTEM = 14;

async function statOf(pid) {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text === ''
    ? undefined
    : text
        .slice(text.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
}

/** @param {number} pid @returns {Promise<number | null>} ms of CPU time that the process has used, all its threads together */
export async function cpuOfProcess(pid) {
  const stat = await statOf(pid);
  return stat ? (stat[USER] + stat[SYSTEM]) * MS_PER_TICK : null;
}

/**
 * The process with all its children, those included that have ended: a Postgres server.
 * @param {number} pid @returns {Promise<number | null>} ms
 */
export async function cpuOfFamily(pid) {
  const parent = await statOf(pid);
  if (!parent) return null;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map(statOf));
  const children = stats.filter((stat) => stat?.[PARENT] === pid);
  const own = parent[USER] + parent[SYSTEM] + parent[CHILDREN_USER] + parent[CHILDREN_SYSTEM];
  return children.reduce((sum, stat) => sum + stat[USER] + stat[SYSTEM], own) * MS_PER_TICK;
}

/** @returns {Promise<number | null>} ms of CPU time that the whole machine has spent on anything since it was started */
export async function cpuOfMachine() {
  const text = await readFile('/proc/stat', 'utf8').catch(() => '');
  const fields = /^cpu +(.*)$/m.exec(text)?.[1].split(' ').map(Number);
  if (!fields) return null;
  const [user, nice, system, , , irq, softIrq, steal] = fields;
  return (user + nice + system + irq + softIrq + steal) * MS_PER_TICK;
}
