import { describe, expect, it } from 'vitest'
import type { Json, Observation, Value } from '../../src/engine/observation.ts'
import { fate, hidden, project, subitem, type World, withWorld } from './support/world.ts'

type Row = Readonly<Record<string, Value>>
type Extra = Readonly<Record<string, Json>>

/** The project 100 after these rows. */
async function roll(world: World, ...rows: readonly Observation[]): Promise<Record<string, unknown>> {
  await world.db.query('truncate projects, subitems, hidden_items, lockstep.tombstones')
  await world.apply(...rows)
  return world.get('projects', 'p')
}
const p = (extra: Extra = {}, values: Row = {}): Observation =>
  project('p', { item_name: '100', ...values }, extra)
const s = (n: number, extra: Extra = {}, values: Row = {}): Observation =>
  subitem(`s${n}`, 'p', { item_name: `100_25.01 - ${n}`, ...values }, extra)
const h = (n: number, values: Row): Observation =>
  hidden(`h${n}`, { item_name: `100_25.01 - ${n}`, ...values })
const enquiry = (n: number, quote: string, values: Row = {}): Observation =>
  h(n, { reason_for_change: 'New Enquiry', quote_amount_vendor: quote, ...values })

describe('subitem fields', () => {
  it('are the own mirror where it says something, else the hidden item', async () => {
    await withWorld(async (world) => {
      await world.apply(
        h(1, {
          product_type: 'XPS',
          designer: 'Jo',
          quote_amount_vendor: '5',
          date_received: '2025-01-01',
          area: '7',
        }),
        s(1, {
          mirror875__1: 'EPS 100, EPS 100',
          mirror77__1: '1,000.50, 2',
          mirror95__1: '',
          mirror79__1: 'null',
          mirror_12__1: 'Acme',
        }),
      )
      expect(await world.get('subitems', 's1')).toMatchObject({
        account: 'Acme',
        product_type: 'EPS 100',
        quote_amount: '1002.50',
        designer: 'Jo',
        date_received: '2025-01-01',
        area: '7',
      })
    })
  })

  it('count a quote as enquiry value only for that one reason, unless the formula tells', async () => {
    await withWorld(async (world) => {
      const reasons = ['New Enquiry', 'New Enquiry- Option', 'New Enquiry - Separate Roof', null]
      await world.apply(...reasons.map((reason, n) => s(n, { mirror03__1: reason, mirror77__1: '10' })))
      await world.apply(
        s(8, { mirror03__1: 'Amendment - Area', formula_mkqa31kh: '3.5' }),
        s(9, { mirror03__1: 'New Enquiry' }),
      )
      const { rows } = await world.db.query('select new_enquiry_value as v from subitems order by monday_id')
      expect(rows.map(({ v }) => v)).toEqual(['10', '0', '0', '0', '3.5', '0'])
    })
  })
})

describe('hidden items', () => {
  it('are priced here where all parts are known, else by the vendor', async () => {
    await withWorld(async (world) => {
      const parts = {
        material_value: '800',
        transport_cost: '50',
        tp_margin: '10',
        distributor_margin: '3',
        commission: '2',
      }
      await world.apply(
        h(1, { ...parts, quote_amount_vendor: '1', area: '100' }),
        h(2, { ...parts, commission: null, quote_amount_vendor: '77' }),
      )
      await world.apply(h(3, { ...parts, tp_margin: '95' }))
      expect(await world.get('hidden_items', 'h1')).toMatchObject({
        quote_amount: '1000.00',
        target_gpm: '15',
        m2_rate: '10.00',
      })
      expect(await world.get('hidden_items', 'h2')).toMatchObject({
        quote_amount: '77',
        target_gpm: null,
        m2_rate: null,
      })
      expect(await world.get('hidden_items', 'h3')).toMatchObject({ quote_amount: null, target_gpm: '100' })
    })
  })
})

describe('project roll-ups', () => {
  it('name the account and product of most subitems, else those of the mirror', async () => {
    await withWorld(async (world) => {
      const mirrors = { lookup_mkq010zk: 'B, A, B', lookup_mkt3xgz1: 'XPS, XPS' }
      const of = (account: string): Extra => ({ mirror_12__1: account, mirror875__1: 'EPS 100' })
      expect(await roll(world, p(mirrors), s(1, of('A')), s(2, of('C')), s(3, of('C')))).toMatchObject({
        account: 'C', product_type: 'EPS 100', product_key: 'eps_standard' }) // prettier-ignore
      expect(await roll(world, p(mirrors), s(1))).toMatchObject({
        account: 'B, A',
        product_type: 'XPS',
        product_key: 'xps',
      })
      expect(await roll(world, p(), s(1, { mirror_12__1: 'null' }))).toMatchObject({
        account: '',
        product_type: '',
        product_key: '',
      })
      expect(await roll(world, p(), s(1, of('B')), s(2, of('A')))).toMatchObject({ account: 'A' })
    })
  })

  it('value the enquiry by hidden items, the mirror, the number, and the subitems, in that order', async () => {
    await withWorld(async (world) => {
      const value = async (...rows: readonly Observation[]): Promise<unknown> =>
        (await roll(world, ...rows))['new_enquiry_value']
      const mirror = { lookup_mkqanpbe: '£2,000' }
      const own = { mirror03__1: 'New Enquiry', mirror77__1: '9' }
      expect(
        await value(
          p(mirror),
          s(1),
          enquiry(1, '10.005'),
          s(2),
          enquiry(2, '5'),
          h(3, { quote_amount_vendor: '99' }),
        ),
      ).toBe('15.01')
      expect(await value(p(mirror), s(1, own), enquiry(2, '5'), enquiry(3, '6'))).toBe('2000.00')
      expect(await value(p(), s(1, own), enquiry(2, '5'), enquiry(3, '6'))).toBe('11.00')
      expect(await value(p(), s(1, own))).toBe('9.00')
      expect(await value(p(), s(1), enquiry(1, '-5'))).toBe('0.00')
      expect(
        await value(
          p(),
          hidden('x', {
            item_name: '1001_25.01 - A',
            reason_for_change: 'New Enquiry',
            quote_amount_vendor: '5',
          }),
        ),
      ).toBe('0.00')
      expect(await roll(world, p(), s(1), enquiry(1, '40000'))).toMatchObject({
        value_band: 'Medium (15-40k)',
      })
    })
  })

  it('count days from the first design to the first invoice', async () => {
    await withWorld(async (world) => {
      const days = async (...rows: readonly Observation[]): Promise<unknown> =>
        (await roll(world, ...rows))['gestation_period']
      const dates = (n: number, designed: string | null, invoiced: string | null): Observation =>
        h(n, { date_design_completed: designed, invoice_date: invoiced })
      expect(
        await days(
          p(),
          s(1),
          dates(1, '2025-01-10', '2025-03-01'),
          s(2),
          dates(2, '2025-01-01', '2025-02-01'),
        ),
      ).toBe(31)
      expect(await days(p(), s(1), dates(1, '2025-02-01', '2025-01-01')), 'invoiced before designed').toBe(0)
      expect(await days(p(), s(1), dates(1, '0999-01-01', '9999-01-01')), 'absurd').toBe(0)
      expect(await days(p(), s(1), dates(1, '2025-01-01', null)), 'not invoiced').toBe(0)
      expect(await days(p(), s(1), dates(1, null, '2025-01-01')), 'not designed').toBe(null)
      expect(
        await days(p({ formula_mkpp85yw: '12' }), s(1), dates(1, '2025-01-01', null)),
        'readable formula',
      ).toBe(12)
      expect(await days(p({ formula_mkpp85yw: 'null' })), 'unreadable formula').toBe(null)
      expect(await days(p(), dates(1, '2025-01-01', '2025-01-08')), 'by the number alone').toBe(7)
    })
  })

  it('sum orders and invoices, each revision once, and clear what is gone', async () => {
    await withWorld(async (world) => {
      const order = (n: number, value: string, invoiced: string, date: string): Observation =>
        h(n, {
          cust_order_value_material: value,
          amount_invoiced: invoiced,
          invoice_date: date,
          date_order_received: date,
        })
      const twin = s(3, {}, { linked_hidden_item_id: 'h1' })
      expect(await roll(world, p(), s(1), s(2), twin, order(1, '10', '1', '2025-01-05'), order(2, '20.5', '2', '2025-01-15'))).toMatchObject({
        total_order_value: '30.5', total_amount_invoiced: '3', date_order_received: '2025-01-05',
        first_date_invoiced: '2025-01-05', last_date_invoiced: '2025-01-15', invoicing_spread_days: 10 }) // prettier-ignore
      await world.apply(fate('delete', 'hidden_items', 'h1'), fate('delete', 'hidden_items', 'h2'))
      expect(await world.get('projects', 'p')).toMatchObject({
        total_order_value: null, total_amount_invoiced: null, date_order_received: null, first_date_invoiced: null,
        last_date_invoiced: null, invoicing_spread_days: null }) // prettier-ignore
    })
  })

  it('weigh the value by the probability, rounded up', async () => {
    await withWorld(async (world) => {
      expect(await roll(world, p({ mirror4__1: '100.01, 1', color_mkvmjryt: '80% (Preferred)', formula_mknkwpb5: '20' }))).toMatchObject({
        overall_project_value: '101.01', project_value: '101.01', probability_percent: 80, weighted_pipeline: '80.81' }) // prettier-ignore
      expect(await roll(world, p({ formula_mknkwpb5: '20' }), s(1), enquiry(1, '50'))).toMatchObject({
        overall_project_value: null, project_value: '50.00', probability_percent: 20, weighted_pipeline: '10.00' }) // prettier-ignore
      expect(await roll(world, p({ color_mkvmjryt: '700%' }))).toMatchObject({
        probability_percent: 100,
        weighted_pipeline: null,
      })
      expect(await roll(world, p())).toMatchObject({ probability_percent: null, project_value: null })
    })
  })

  it('borrow a name from the hidden items', async () => {
    await withWorld(async (world) => {
      const names = [
        h(1, { project_name: 'Roof' }),
        h(2, { project_name: 'Roof' }),
        h(3, { project_name: 'Hall' }),
      ]
      expect(await roll(world, p(), ...names)).toMatchObject({ project_name: null, display_name: 'Roof' })
      expect(await roll(world, p({}, { project_name: 'School' }), ...names)).toMatchObject({
        display_name: 'School',
      })
    })
  })

  it('move with a subitem to its new parent', async () => {
    await withWorld(async (world) => {
      const own = { mirror_12__1: 'Acme', mirror17__1: '10' }
      await roll(world, p(), project('q', { item_name: '200' }), s(1, own))
      await world.apply(subitem('s1', 'q', { item_name: '100_25.01 - 1' }, own))
      expect(await world.get('projects', 'p')).toMatchObject({ account: '', total_order_value: null })
      expect(await world.get('projects', 'q')).toMatchObject({ account: 'Acme', total_order_value: '10' })
    })
  })

  it('go with the project and come back with it', async () => {
    await withWorld(async (world) => {
      const before = await roll(world, p(), s(1, { mirror_12__1: 'Acme' }), enquiry(1, '50'))
      await world.apply(fate('delete', 'projects', 'p'))
      expect(await world.value('(select count(*)::int from subitems)')).toBe(0)
      await world.apply(enquiry(1, '60'))
      await world.apply(fate('restore', 'projects', 'p'))
      expect(await world.get('projects', 'p')).toMatchObject({
        id: before['id'],
        account: 'Acme',
        new_enquiry_value: '60.00',
      })
      expect(await world.get('subitems', 's1')).toMatchObject({ quote_amount: '60' })
    })
  })
})
