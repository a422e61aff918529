import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { AppStatus } from './status.ts'

/** What Prometheus reads at /metrics. */
export class Metrics {
  readonly registry = new Registry()
  readonly deliveries = new Counter({
    name: 'lockstep_webhook_deliveries_total',
    help: 'Webhook deliveries by what became of them: accepted, duplicate, refused, unavailable.',
    labelNames: ['app', 'result'],
    registers: [this.registry],
  })
  readonly events = new Counter({
    name: 'lockstep_events_processed_total',
    help: 'Inbox events by what became of them: settled, failed.',
    labelNames: ['app', 'result'],
    registers: [this.registry],
  })
  readonly batch = new Histogram({
    name: 'lockstep_event_batch_seconds',
    help: 'Time to claim, apply and settle one batch of events.',
    labelNames: ['app'],
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers: [this.registry],
  })
  readonly notifications = new Counter({
    name: 'lockstep_notifications_total',
    help: 'Tries to deliver a message to people by how they ended: sent, postponed (tried again later), dead (given up).',
    labelNames: ['app', 'purpose', 'result'],
    registers: [this.registry],
  })
  private readonly waiting = new Gauge({
    name: 'lockstep_notifications_waiting',
    help: 'Messages that are due and neither sent nor given up.',
    labelNames: ['app', 'purpose'],
    registers: [this.registry],
  })
  private readonly oldestWaiting = new Gauge({
    name: 'lockstep_notifications_oldest_waiting_seconds',
    help: 'How long the oldest message that waits is due.',
    labelNames: ['app', 'purpose'],
    registers: [this.registry],
  })
  private readonly givenUp = new Gauge({
    name: 'lockstep_notifications_dead_24h',
    help: 'Messages that were given up in the last 24 hours.',
    labelNames: ['app', 'purpose'],
    registers: [this.registry],
  })
  private readonly gauges = {
    pending: this.gauge('lockstep_inbox_pending', 'Events that wait to be processed.'),
    dead: this.gauge('lockstep_inbox_dead', 'Dead letters.'),
    oldest: this.gauge('lockstep_inbox_oldest_pending_seconds', 'Age of the oldest event that waits.'),
    refetches: this.gauge('lockstep_refetch_pending', 'Rows that wait to be read again.'),
    calls: this.gauge('lockstep_vendor_calls_today', 'Calls to the vendor since 00:00 UTC.'),
  }
  private readonly rows = new Gauge({
    name: 'lockstep_rows',
    help: 'Live rows.',
    labelNames: ['app', 'table'],
    registers: [this.registry],
  })
  private readonly confirmed = new Gauge({
    name: 'lockstep_confirmed_age_seconds',
    help: 'Time since a table was last confirmed against the vendor.',
    labelNames: ['app', 'table'],
    registers: [this.registry],
  })
  private readonly drift = new Gauge({
    name: 'lockstep_drift_rows',
    help: 'Rows that the last verification found missing, extra or different, and how many of them it repaired.',
    labelNames: ['app', 'table', 'kind'],
    registers: [this.registry],
  })
  private readonly verified = new Gauge({
    name: 'lockstep_verified_age_seconds',
    help: 'Time since a table was last compared whole with the vendor.',
    labelNames: ['app', 'table'],
    registers: [this.registry],
  })
  private readonly webhooks = new Gauge({
    name: 'lockstep_webhook_healthy',
    help: '0 where polls find changes that no webhook told of, else 1.',
    labelNames: ['app', 'stream'],
    registers: [this.registry],
  })

  constructor() {
    collectDefaultMetrics({ register: this.registry })
  }

  private gauge(name: string, help: string): Gauge<'app'> {
    return new Gauge({ name, help, labelNames: ['app'], registers: [this.registry] })
  }

  /** Renders all, with the gauges set from the database's state now. */
  async render(status: readonly AppStatus[], now: number): Promise<string> {
    for (const { app, inbox, refetches, usage, tables, webhooks, notifications } of status) {
      this.gauges.pending.set({ app }, inbox.pending)
      this.gauges.dead.set({ app }, inbox.dead)
      this.gauges.oldest.set({ app }, inbox.oldest_pending_s ?? 0)
      this.gauges.refetches.set({ app }, refetches)
      this.gauges.calls.set({ app }, usage.calls)
      for (const { purpose, pending, oldestPendingS, dead24h } of notifications) {
        this.waiting.set({ app, purpose }, pending)
        this.oldestWaiting.set({ app, purpose }, oldestPendingS ?? 0)
        this.givenUp.set({ app, purpose }, dead24h)
      }
      for (const { stream, status: health } of webhooks) {
        this.webhooks.set({ app, stream }, health === 'unhealthy' ? 0 : 1)
      }
      for (const { table, rows, confirmed_at, drift } of tables) {
        this.rows.set({ app, table }, rows)
        if (confirmed_at !== null) this.confirmed.set({ app, table }, (now - Date.parse(confirmed_at)) / 1000)
        if (drift === null) continue
        if (drift.completed_at !== null)
          this.verified.set({ app, table }, (now - Date.parse(drift.completed_at)) / 1000)
        for (const kind of ['missing', 'extra', 'different', 'repaired'] as const) {
          this.drift.set({ app, table, kind }, drift[kind])
        }
      }
    }
    return this.registry.metrics()
  }
}
