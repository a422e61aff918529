import type { Faults } from '../faults.ts'
import type { Token, World } from '../world/model.ts'

const MINUTE_MS = 60_000

interface Minute {
  endsAt: number
  used: number
}

/** How many calls each token, or the instance, has made in its minute. A minute opens with its first call. */
export class RateLimit {
  readonly #world: World
  readonly #faults: Faults
  readonly #minutes = new Map<number, Minute>()

  constructor(world: World, faults: Faults) {
    this.#world = world
    this.#faults = faults
  }

  /** Counts a call; false when it is one too many. */
  admit(token: Token): boolean {
    const minute = this.#minute(token)
    minute.used++
    return minute.used <= this.#limit()
  }

  headers(token: Token, refused: boolean): Record<string, string> {
    if (!this.#world.settings.rateHeaders) return {}
    const minute = this.#minute(token)
    const seconds = Math.max(1, Math.ceil((minute.endsAt - this.#world.clock.now()) / 1000))
    return {
      'X-RateLimit-Limit': String(this.#limit()),
      'X-RateLimit-Remaining': String(refused ? 0 : Math.max(0, this.#limit() - minute.used)),
      ...(refused
        ? { 'Retry-After': String(seconds), 'X-RateLimit-Reset': String(Math.ceil(minute.endsAt / 1000)) }
        : {}),
    }
  }

  #limit(): number {
    return this.#faults.rateLimitAfter ?? this.#world.settings.callsPerMinute
  }

  #minute(token: Token): Minute {
    const key = this.#world.settings.rateScope === 'token' ? token.id : 0
    const now = this.#world.clock.now()
    let minute = this.#minutes.get(key)
    if (minute === undefined || now >= minute.endsAt) {
      minute = { endsAt: now + MINUTE_MS, used: 0 }
      this.#minutes.set(key, minute)
    }
    return minute
  }
}
