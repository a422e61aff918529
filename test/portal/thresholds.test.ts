import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { portal } from '../../src/apps/portal/index.ts'
import { readThresholds, type ThresholdOptions } from '../../src/apps/portal/health/thresholds.ts'
import { ConfigError } from '../../src/engine/errors.ts'

describe('thresholds', () => {
  it('are the defaults where nothing is given, and one may be changed by itself', () => {
    expect(readThresholds()).toEqual(readThresholds({}))
    const changed = readThresholds({ api: { warningAboveP95Ms: 900 } })
    expect(changed.api).toEqual({ ...readThresholds().api, warningAboveP95Ms: 900 })
    expect(changed.lag).toEqual(readThresholds().lag)
  })

  it.each([
    [{ api: { warnAboveP95Ms: 900 } }, /api: .*warnAboveP95Ms/],
    [{ api: { warningAboveP95Ms: '900' } }, /api\.warningAboveP95Ms: .*expected number/],
    [{ delivery: { warningBelowPercent: 120 } }, /delivery\.warningBelowPercent: .*100/],
    [{ cache: { readsMin: -1 } }, /cache\.readsMin/],
    [
      { delivery: { criticalBelowPercent: 97 } },
      /criticalBelowPercent is 97: it must be at most warningBelowPercent, which is 95/,
    ],
    [
      { api: { criticalAboveP95Ms: 1_000 } },
      /criticalAboveP95Ms is 1000: it must be at least warningAboveP95Ms, which is 2000/,
    ],
    [{ mailboxes: { lowReplyPercent: 0.1 } }, /mailboxes\.lowReplyPercent is 0\.1/],
    [{ speed: {} }, /speed/],
  ])('%j is refused with a word on what is wrong', (given, message) => {
    const read = (): unknown => portal({ thresholds: given as ThresholdOptions })
    expect(read).toThrow(ConfigError)
    expect(read).toThrow(message)
    expect(read).toThrow(/docs\/portal\.md/)
  })

  it('are in the documentation, each with its default', () => {
    const docs = readFileSync(join(import.meta.dirname, '../../docs/portal.md'), 'utf8')
    const listed = [...docs.matchAll(/^\| `([a-z]+)\.([A-Za-z0-9]+)` \| ([\d.,]+) \|/gm)].map(
      ([, group, name, value]) => `${group}.${name} ${value?.replaceAll(',', '')}`,
    )
    const actual = Object.entries(readThresholds()).flatMap(([group, figures]) =>
      Object.entries(figures).map(([name, value]) => `${group}.${name} ${value}`),
    )
    expect(listed.sort()).toEqual(actual.sort())
  })
})
