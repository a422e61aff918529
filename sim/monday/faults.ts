/** What can go wrong on purpose. Probabilities are 0–1 and drawn from a seeded stream; all knobs are mutable. */
export interface Faults {
  http429: number
  http500: number
  html502: number
  /** The request hangs until the client gives up. */
  timeout: number
  /** Half the body, then the connection is cut. */
  halfBody: number
  /** One nullable field answered null, with a USER_UNAUTHORIZED error beside the data. */
  partialData: number
  /** One field of one item answered null, with the same error. */
  withheldField: number
  complexity: number
  minuteRate: number
  concurrency: number
  daily: number
  fieldLimit: number
  ip: number
  internalError: number
  cursorExpired: number
  /** Which form rate errors take; `auto` follows the API version asked for. */
  errorShape: 'auto' | 'modern' | '2025-01' | 'legacy'
  /** `state` asked on nested subitems fails the whole query. */
  internalErrorOnSubitemState: boolean
  /** Pages with no `order_by` come in another order for every chain. */
  unstableOrder: boolean
  /** Such a chain lacks each item this often, as when pages shift under a reader. */
  omitted: number
  /** The vendor's clock less the machine's. */
  clockOffsetMs: number
  activityLogLagMs: number
  /** Reads answer what an item was this long ago. */
  replicaLagMs: number
  latencyMs: number
  webhook: WebhookFaults
}

export interface WebhookFaults {
  dropRate: number
  duplicateRate: number
  /** Each delivery waits a random time up to this long: neighbours swap. */
  reorderMs: number
  delayMs: number
  /** A retry carries a body with a new triggerUuid. */
  retryNewBody: boolean
  /** Every webhook is deleted silently before the next delivery or listing. */
  disabled: boolean
}

export type FaultsPatch = Partial<Omit<Faults, 'webhook'>> & { webhook?: Partial<WebhookFaults> }

export function createFaults(patch: FaultsPatch = {}): Faults {
  const { webhook, ...rest } = patch
  return {
    http429: 0,
    http500: 0,
    html502: 0,
    timeout: 0,
    halfBody: 0,
    partialData: 0,
    withheldField: 0,
    complexity: 0,
    minuteRate: 0,
    concurrency: 0,
    daily: 0,
    fieldLimit: 0,
    ip: 0,
    internalError: 0,
    cursorExpired: 0,
    errorShape: 'auto',
    internalErrorOnSubitemState: false,
    unstableOrder: true,
    omitted: 0,
    clockOffsetMs: 0,
    activityLogLagMs: 0,
    replicaLagMs: 0,
    latencyMs: 0,
    ...rest,
    webhook: {
      dropRate: 0,
      duplicateRate: 0,
      reorderMs: 0,
      delayMs: 0,
      retryNewBody: false,
      disabled: false,
      ...webhook,
    },
  }
}

export function mergeFaults(into: Faults, { webhook, ...rest }: FaultsPatch): void {
  Object.assign(into, rest)
  Object.assign(into.webhook, webhook)
}
