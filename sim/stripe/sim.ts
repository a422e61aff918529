import type { DeliveryAttempt } from './deliver.ts'
import type { Endpoint } from './endpoints.ts'
import type { StripeEvent, World } from './world.ts'

/** Probabilities are 0–1; all knobs are mutable. */
export interface StripeFaults {
  http429: number
  /** What a 429 says; undefined: nothing. */
  retryAfterS: number | undefined
  http500: number
  /** Share of events that no endpoint hears of. */
  dropWebhooks: number
}

export interface StripeSimOptions {
  /** 0, the default, takes a free one. */
  port?: number
  seed?: number
  clock?: { now(): number }
  /** Default `sk_test_sim`. */
  secretKey?: string
  /** How many there are at first; default none. */
  customers?: number
  faults?: Partial<StripeFaults>
}

export interface StripeRequest {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly status: number
}

export interface StripeSim {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly secretKey: string
  readonly faults: StripeFaults
  readonly requests: readonly StripeRequest[]
  readonly attempts: readonly DeliveryAttempt[]
  /** Mutable: what people do in the dashboard. */
  readonly endpoints: Map<string, Endpoint>
  /** What the mirror must equal. Changes made here are told to nobody. */
  readonly world: World
  /** Each makes an event and sends it to the endpoints that want it, once, without waiting. */
  create(attributes?: Readonly<Record<string, unknown>>): StripeEvent
  update(id: string, attributes: Readonly<Record<string, unknown>>): StripeEvent
  remove(id: string): StripeEvent
  /** Sends an event (again), and waits for the answers. */
  deliver(event: StripeEvent): Promise<DeliveryAttempt[]>
  /** Resolves when all that happened was told. */
  told(): Promise<void>
  /** A signature header, of now. */
  sign(body: string, secret: string): string
  close(): Promise<void>
}
