import { describe, expect, it } from 'vitest'
import { checkFlags, readDays } from './sync-flags.ts'

describe('--date', () => {
  it('is a day, a range of both ends, or all', () => {
    expect(readDays('2026-10-31')).toEqual({ from: '2026-10-31', to: '2026-10-31' })
    expect(readDays('2026-10-01..2026-10-31')).toEqual({ from: '2026-10-01', to: '2026-10-31' })
    expect(readDays('2024-02-29')).toEqual({ from: '2024-02-29', to: '2024-02-29' })
    expect(readDays('all')).toBeUndefined()
  })

  it.each([
    ['2026-02-30', '"2026-02-30" is no day. Give one such as 2026-10-31'],
    ['2026-13-01', '"2026-13-01" is no day'],
    ['yesterday', '"yesterday" is no day'],
    ['', '"" is no day'],
    ['2026-10-01..', '"" is no day'],
    ['2026-10-1..2026-10-02', '"2026-10-1" is no day'],
    ['2026-10-01..2026-10-02..2026-10-03', 'is no day'],
    ['2026-10-09..2026-10-01', 'the range ends before it begins'],
  ])('%s is refused', (text, why) => {
    expect(() => readDays(text)).toThrow(why)
  })

  it('goes with --fresh and --json, and with nothing else', () => {
    const date = '2026-10-31'
    expect(() => checkFlags({ date, fresh: true, json: true })).not.toThrow()
    for (const other of [{ full: true }, { limit: 5 }, { table: ['campaigns'] }, { dryRun: true }])
      expect(() => checkFlags({ date, ...other })).toThrow('--date reads past days and nothing else')
  })

  it('--fresh alone is refused', () => {
    expect(() => checkFlags({ fresh: true })).toThrow('--fresh goes with --full or --date')
    expect(() => checkFlags({ fresh: true, full: true })).not.toThrow()
  })
})
