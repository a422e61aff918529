import type { Json } from '../engine/observation.ts'
import type { SourceStore } from '../sources/contract.ts'

/** A source's facts for one command, kept nowhere. */
export const memoryStore = (): SourceStore =>
  overlayStore({
    read: async () => ({}),
    write: async () => {},
    remove: async () => {},
    readSecrets: async () => ({}),
    writeSecret: async () => {},
    noteCalls: async () => {},
    countCalls: async (_day, calls, rejected) => ({ calls, rejected }),
  })

/** Reads what `base` keeps and keeps all that is written to itself. Calls are still booked: the vendor counts them. */
export function overlayStore(base: SourceStore): SourceStore {
  const written = new Map<string, Map<string, Json | undefined>>()
  const layer = (kind: string): Map<string, Json | undefined> => {
    const known = written.get(kind) ?? new Map<string, Json | undefined>()
    written.set(kind, known)
    return known
  }
  const secrets = new Map<string, Record<string, string>>()
  return {
    async readSecrets(kind) {
      return { ...(await base.readSecrets(kind)), ...secrets.get(kind) }
    },
    async writeSecret(kind, key, secret) {
      secrets.set(kind, { ...secrets.get(kind), [key]: secret })
    },
    async read(kind) {
      const merged: Record<string, Json> = { ...(await base.read(kind)) }
      for (const [key, value] of layer(kind)) {
        if (value === undefined) delete merged[key]
        else merged[key] = value
      }
      return merged
    },
    async write(kind, key, value) {
      layer(kind).set(key, value)
    },
    async remove(kind, key) {
      layer(kind).set(key, undefined)
    },
    noteCalls: (notes) => base.noteCalls(notes),
    countCalls: (day, calls, rejected, complexity) => base.countCalls(day, calls, rejected, complexity),
  }
}
