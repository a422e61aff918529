import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto'
import { ConfigError } from '../engine/errors.ts'

/** Secrets as the database may hold them: AES-256-GCM, bound to the place that they are kept in. */
export interface Seal {
  seal(secret: string, place: string): string
  /** Throws a ConfigError where it was sealed with another key, or was tampered with. */
  open(sealed: string, place: string): string
}

const VERSION = 'v1'
const IV_BYTES = 12
const TAG_BYTES = 16

/** @param key any text of 16 characters or more: `LOCKSTEP_ENCRYPTION_KEY` */
export function createSeal(key: string): Seal {
  let derived: Buffer | undefined
  // Slow on purpose, so only once and only where a secret is met. A salt of one's own would have to be kept as safely.
  const secretKey = (): Buffer => (derived ??= scryptSync(key, 'lockstep seal', 32))
  return {
    seal(secret, place) {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', secretKey(), iv).setAAD(Buffer.from(place))
      const body = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
      return `${VERSION}:${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`
    },
    open(sealed, place) {
      const [version, data = ''] = sealed.split(':')
      const bytes = Buffer.from(data, 'base64url')
      try {
        if (version !== VERSION) throw new Error(`unknown form "${version}"`)
        const decipher = createDecipheriv('aes-256-gcm', secretKey(), bytes.subarray(0, IV_BYTES))
        decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
        return (
          decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
        )
      } catch (cause) {
        throw new ConfigError(
          `the secret kept for ${place} cannot be opened: LOCKSTEP_ENCRYPTION_KEY is not the one that sealed it. Set the old key, or delete the secret from lockstep.source_state so that a new one is made`,
          { cause },
        )
      }
    },
  }
}
