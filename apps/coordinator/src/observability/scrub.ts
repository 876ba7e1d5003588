/**
 * Takes secrets out of log lines. Nothing is meant to log any; this is for what comes along in the message of an error or in an
 * object that somebody logs whole, whatever its depth.
 */
const NAMES = '[a-z_-]*(?:password|passwd|secret|authorization|cookie|token|api_?key)';
const RULES: readonly (readonly [RegExp, string])[] = [
  // Members of JSON by their name; then those of JSON within a text.
  [new RegExp(`("${NAMES}":")(?:[^"\\\\]|\\\\.)*`, 'gi'), '$1[secret]'],
  [new RegExp(`(\\\\"${NAMES}\\\\"\\s*:\\s*\\\\")[^"\\\\]*`, 'gi'), '$1[secret]'],
  [/\b(bearer|basic)\s+[\w.~+/=-]{4,}/gi, '$1 [secret]'],
  // An API key keeps its id, which is no secret and says whose it is.
  [/\b(concordat_[a-z0-9][a-z0-9-]{0,62}_)[A-Za-z0-9_-]{8,}/g, '$1[secret]'],
  [/\beyJ[\w-]{4,}\.[\w-]+\.[\w-]*/g, '[secret]'],
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/[^\s:@/"]*):[^\s"/?#]*@/gi, '$1:[secret]@'],
];

export function scrub(line: string): string {
  let clean = line;
  for (const [pattern, replacement] of RULES) clean = clean.replace(pattern, replacement);
  return clean;
}
