export interface Attempt {
  readonly id: number
  readonly at: number
  /** As the vendor sees it. */
  readonly ok: boolean
  /** The receiver's answer; null when none came in time. */
  readonly status: number | null
}

/** One event on its way to one webhook. A retry that someone asks for is a delivery of its own. */
export interface Delivery {
  readonly id: number
  readonly eventId: number
  readonly webhookId: number
  readonly url: string
  readonly createdAt: number
  readonly attempts: Attempt[]
  status: 'pending' | 'success' | 'failed'
  /** When it is tried next; null when it is not. */
  dueAt: number | null
}
