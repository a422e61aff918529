import type { Random } from '../world/random.ts'

export interface Quote {
  readonly material: number
  readonly transport: number
  readonly margin: number
  readonly distributor: number
  readonly commission: number
  readonly area: number
}

const money = (value: number): number => Math.round(value * 100) / 100

/** Share of quotes and money of each value band: zero, <15k, 15–40k, 40–100k, above. */
const BANDS = [
  { share: 0.12, from: 0, to: 0 },
  { share: 0.5, from: 900, to: 15_000 },
  { share: 0.22, from: 15_000, to: 40_000 },
  { share: 0.12, from: 40_000, to: 100_000 },
  { share: 0.04, from: 100_000, to: 480_000 },
] as const

export function drawQuote(random: Random): Quote {
  let draw = random.next()
  const band = BANDS.find((one) => (draw -= one.share) < 0) ?? BANDS[1]
  const margin = 15 + random.int(20)
  const distributor = random.chance(0.3) ? 5 + random.int(6) : 0
  const commission = random.chance(0.15) ? 1 + random.int(4) : 0
  const value = band.from + random.next() * (band.to - band.from)
  const cost = value * (1 - (margin + distributor + commission) / 100)
  const transport = value === 0 ? 0 : money(Math.min(cost * 0.2, 150 + random.int(900)))
  return {
    material: money(Math.max(0, cost - transport)),
    transport,
    margin,
    distributor,
    commission,
    area: value === 0 ? 0 : Math.round(value / (28 + random.int(40))),
  }
}

export function quoted(quote: Quote): number {
  const gpm = quote.margin + quote.distributor + quote.commission
  return money((quote.material + quote.transport) / (1 - gpm / 100))
}
