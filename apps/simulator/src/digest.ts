/** FNV-1a over the characters of a text, going on from an earlier digest. */
export function mix(digest: number, text: string): number {
  let mixed = digest ^ 0x811c9dc5;
  for (let at = 0; at < text.length; at++) mixed = Math.imul(mixed ^ text.charCodeAt(at), 0x01000193);
  return mixed >>> 0;
}

export const hex = (digest: number): string => (digest >>> 0).toString(16).padStart(8, '0');
