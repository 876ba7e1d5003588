import { defineConfig } from 'vite';

export default defineConfig({
  base: '/console/',
  logLevel: 'error',
  build: {
    target: 'es2022',
    // A file of its own for each, so that the policy of the page needs no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2_000,
  },
});
