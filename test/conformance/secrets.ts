/** Which secrets a text shows, in clear or in the spellings that addresses and JSON have for them; told by their beginnings. */
export function leaks(secrets: readonly string[], text: string): string[] {
  return secrets
    .filter((secret) => spellings(secret).some((spelling) => text.includes(spelling)))
    .map((secret) => `${secret.slice(0, 4)}…`)
}

const spellings = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
]
