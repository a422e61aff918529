/** What the vendor does not document or sources disagree on; every number here is an assumption that a test may turn. */
export interface Settings {
  /** Documented. */
  pageSize: number
  /** Rows a page where `per_page` is honoured: replies and events, by cursor. */
  perPageMax: number
  /** Where else it is honoured: sources disagree on whether some installations do. */
  perPageEverywhere: boolean
  /** Deeper pages are refused with 422. Observed 500, documented 1,000. */
  pageDepthMax: number
  /** How long events are kept (documented: 10 days). */
  eventDays: number
  /** `/api/events` refuses to be read by page. */
  eventsByCursorOnly: boolean
  /** Waits before each try, counted from the try before. Documented: five tries in a day; the spacing is assumed. */
  retryDelaysMs: readonly number[]
  /** No answer in this time is a failure (documented). */
  webhookTimeoutMs: number
  /** Case of `event.type` in deliveries: seen both ways. Rows of `/api/events` are always upper. */
  eventCase: 'upper' | 'lower'
  callsPerMinute: number
  /** Who shares the calls of a minute: unknown. */
  rateScope: 'token' | 'instance'
  /** Whether answers carry X-RateLimit-* and Retry-After: unproven. */
  rateHeaders: boolean
  /** From the API's "queued" to the mail that is sent. */
  queuedSendMs: number
  /** A workspace with nothing scheduled: an empty list, or 400 as one campaign's schedule answers. */
  emptySchedules: 'list' | '400'
  /** Campaigns send on Saturdays and Sundays too. Off, as most have it. */
  weekends: boolean
  /** The calendar of statistics and day filters. Seeded days of before fit UTC and zones west of it. */
  timeZone: string
  /** A reply is listed this long after it was received; seen up to 2 h. */
  replyLagMs: number
  /** Live events in memory; beyond it the oldest go, whatever their age. */
  eventsMax: number
}

export const DEFAULT_SETTINGS: Settings = {
  pageSize: 15,
  perPageMax: 100,
  perPageEverywhere: false,
  pageDepthMax: 500,
  eventDays: 10,
  eventsByCursorOnly: true,
  retryDelaysMs: [0, 60_000, 900_000, 7_200_000, 28_800_000],
  webhookTimeoutMs: 15_000,
  eventCase: 'upper',
  callsPerMinute: 3_000,
  rateScope: 'token',
  rateHeaders: true,
  queuedSendMs: 0,
  emptySchedules: 'list',
  weekends: false,
  timeZone: 'UTC',
  replyLagMs: 0,
  eventsMax: 500_000,
}
