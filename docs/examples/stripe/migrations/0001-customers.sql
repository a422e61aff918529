-- One row a customer that Stripe has now; those that were deleted are in lockstep.tombstones.
create table public.stripe_customers (
  id text primary key,
  object text,
  address jsonb,
  description text,
  email text,
  metadata jsonb,
  name text,
  phone text,
  shipping jsonb,
  balance integer,
  created integer,
  currency text,
  default_source text,
  delinquent boolean,
  discount jsonb,
  invoice_prefix text,
  invoice_settings jsonb,
  livemode boolean,
  next_invoice_sequence integer,
  preferred_locales jsonb,
  tax_exempt text,
  -- What the mirror keeps in each of its tables.
  extra jsonb not null default '{}',
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamptz not null default now()
)
-- With room in each page a changed row stays in it, and no index is written.
with (fillfactor = 85);

alter table public.stripe_customers enable row level security;
