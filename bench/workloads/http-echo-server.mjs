// The other end of the HTTP floor.
import { openHttpApp } from './http-app.mjs';

export async function open() {
  const { url, close } = await openHttpApp();
  return { facts: { url }, close };
}
