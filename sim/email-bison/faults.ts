/** What can go wrong on purpose. Probabilities are 0–1 and drawn from a seeded stream; all knobs are mutable. */
export interface Faults {
  http429: number
  /** Calls of a token in a minute before the storm: every further one gets 429. Null: as the settings say. */
  rateLimitAfter: number | null
  http500: number
  html502: number
  /** The request hangs until the client gives up. */
  timeout: number
  /** Half the body, then the connection is cut. */
  halfBody: number
  /** The payload comes inside an array of one. */
  arrayWrap: number
  /** 200 with `{"success":false}` where the payload should be. */
  falseSuccess: number
  latencyMs: number
  /** What lists answer with, whatever was asked: installations were seen changing over in the middle of a day. */
  pagination: 'asked' | 'page' | 'cursor'
  /** Workspaces whose every call fails, with `withheldStatus`. */
  withheldWorkspaces: number[]
  withheldStatus: 403 | 500
  /** `per_page` is ignored without a word, wherever it else is honoured. */
  perPageIgnored: boolean
  /** Lists and rows, and the record of events, answer what was so long ago. */
  replicaLagMs: number
  /** A mail that the API took is sent without being announced. */
  manualSendUnannounced: number
  /** `/api/events` lists its rows with `payload` null. */
  eventsWithoutBody: boolean
  webhook: WebhookFaults
}

export interface WebhookFaults {
  /** Recorded and never delivered: a delivery without an attempt. */
  dropRate: number
  duplicateRate: number
  /** Each delivery waits a random time up to this long: neighbours swap. */
  reorderMs: number
  delayMs: number
  /** The vendor misses an answer of 200 and tries again. */
  redeliverRate: number
  /** Bodies after the first have their keys in another order. */
  shuffleKeys: boolean
  /** Webhooks are still listed and nothing is delivered. */
  off: boolean
  /** Every webhook is deleted silently before the next event or listing. */
  disabled: boolean
}

export type FaultsPatch = Partial<Omit<Faults, 'webhook'>> & { webhook?: Partial<WebhookFaults> }

export function createFaults(patch: FaultsPatch = {}): Faults {
  const { webhook, ...rest } = patch
  return {
    http429: 0,
    rateLimitAfter: null,
    http500: 0,
    html502: 0,
    timeout: 0,
    halfBody: 0,
    arrayWrap: 0,
    falseSuccess: 0,
    latencyMs: 0,
    pagination: 'asked',
    withheldWorkspaces: [],
    withheldStatus: 500,
    perPageIgnored: false,
    replicaLagMs: 0,
    manualSendUnannounced: 0,
    eventsWithoutBody: false,
    ...rest,
    webhook: {
      dropRate: 0,
      duplicateRate: 0,
      reorderMs: 0,
      delayMs: 0,
      redeliverRate: 0,
      shuffleKeys: false,
      off: false,
      disabled: false,
      ...webhook,
    },
  }
}

export function mergeFaults(into: Faults, { webhook, ...rest }: FaultsPatch): void {
  Object.assign(into, rest)
  Object.assign(into.webhook, webhook)
}
