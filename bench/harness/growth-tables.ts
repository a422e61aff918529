import type { Database } from '../../src/db/database.ts'
import { stamp } from '../../src/engine/stamp.ts'

/** Rows by the million, made in SQL: customers that the traffic then touches, and events that were settled long ago. */

const CHUNK = 500_000

/** Fills the table and the inbox; ids are those of `customers.ts`. */
export async function fillTables(db: Database, count: number): Promise<void> {
  const read = stamp({ at: 1, seen: 1, n: 1 })
  for (let start = 0; start < count; start += CHUNK) {
    const range = [start, Math.min(count, start + CHUNK) - 1]
    await db.query(
      `insert into public.stripe_customers
         (id, object, address, description, email, metadata, name, phone, balance, created, currency, delinquent,
          invoice_prefix, invoice_settings, livemode, next_invoice_sequence, preferred_locales, tax_exempt, _stamp)
       select 'cus_' || lpad(k::text, 14, '0'), 'customer',
         jsonb_build_object('city', 'Brothers', 'country', 'US', 'line1', k || ' Sepulveda Boulevard'),
         'Account ' || k || ' of the benchmark', 'customer.' || k || '@example.com',
         jsonb_build_object('account', k::text, 'plan', 'solo'), 'Customer ' || k || ', revision 0', '+15550000000', 0,
         1900000000, 'usd', false, 'C' || k, '{"footer": null, "custom_fields": null}', false, 1, '["en-US"]', 'none', $3
       from generate_series($1::int, $2::int) as k`,
      [...range, read],
    )
    // What they hold is never read again; what counts is how many there are, and the indexes over them.
    await db.query(
      `with events as (
         insert into lockstep.inbox_events (app, dedupe_key, event_type, stream, entity, received_at, headers, body)
         select 'stripe', 'id:evt_before_' || lpad(n::text, 14, '0'), 'customer.updated', 'account',
           'cus_' || lpad(n::text, 14, '0'), clock_timestamp() - make_interval(secs => $3 - n * 0.1), '{}', '{}'
         from generate_series($1::int, $2::int) as n
         returning id
       )
       insert into lockstep.inbox_outcomes (id, app, status, outcome, attempts, processing_ms)
       select id, 'stripe', 'processed', 'applied', 1, 5 from events`,
      [...range, count * 0.1 + 60],
    )
  }
  await db.query('vacuum analyze')
}
