-- The three boards. Numbers of the vendor's are plain numeric and its names may be null: a mirror that refuses a
-- value is no mirror. No foreign keys between them: rows arrive in any order; orphans are found by a query.

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  monday_id text not null unique,
  item_name text,
  project_name text,
  display_name text,
  pipeline_stage text,
  status_category text,
  won_vs_open_lost text,
  type text,
  category text,
  zip_code text,
  sales_representative text,
  funding text,
  account text,
  product_type text,
  product_key text,
  new_enquiry_value numeric,
  value_band text,
  gestation_period integer check (gestation_period between 0 and 500000),
  overall_project_value numeric,
  project_value numeric,
  weighted_pipeline numeric,
  probability_percent integer check (probability_percent between 0 and 100),
  total_order_value numeric,
  total_amount_invoiced numeric,
  date_order_received date,
  date_created date,
  expected_start_date date,
  follow_up_date date,
  first_date_designed date,
  last_date_designed date,
  first_date_invoiced date,
  last_date_invoiced date,
  invoicing_spread_days integer generated always as (last_date_invoiced - first_date_invoiced) stored,
  feedback text,
  lost_to_who_or_why text,
  name_key text generated always as (datacube.name_key(item_name)) stored,
  extra jsonb not null default '{}',
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  sync_version integer not null default 1
);

create table public.subitems (
  id uuid primary key default gen_random_uuid(),
  monday_id text not null unique,
  parent_monday_id text,
  item_name text,
  linked_hidden_item_id text,
  hidden_item_id text,
  urgency text,
  account text,
  product_type text,
  new_enquiry_value numeric,
  reason_for_change text,
  date_received date,
  date_design_completed date,
  designer text,
  time_taken numeric,
  surveyor text,
  area numeric,
  fall text,
  min_thickness numeric,
  max_thickness numeric,
  u_value numeric,
  min_u_value numeric,
  deck_type text,
  layering text,
  quote_amount numeric,
  m2_rate numeric,
  material_value numeric,
  transport_cost numeric,
  order_status text,
  date_order_received date,
  cust_order_value_material numeric,
  customer_po text,
  supplier1 text,
  supplier2 text,
  requested_delivery_date date,
  final_delivery_date date,
  delivery_address text,
  invoice_number text,
  invoice_date date,
  amount_invoiced numeric,
  date_quoted date,
  date_project_won date,
  date_project_closed date,
  name_key text generated always as (datacube.name_key(item_name)) stored,
  prefix_key text generated always as (datacube.name_prefix(item_name)) stored,
  extra jsonb not null default '{}',
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  sync_version integer not null default 1
);

create table public.hidden_items (
  id uuid primary key default gen_random_uuid(),
  monday_id text not null unique,
  item_name text,
  status text,
  project_attachments jsonb,
  prefix text,
  revision text,
  project_name text,
  urgency text,
  account text,
  account_id text,
  customer_id text,
  contact_id text,
  product_type text,
  reason_for_change text,
  date_received date,
  date_design_completed date,
  date_quoted date,
  date_project_won date,
  date_project_closed date,
  designer text,
  surveyor text,
  time_taken numeric,
  area numeric,
  fall text,
  deck_type text,
  layering text,
  min_thickness numeric,
  max_thickness numeric,
  u_value numeric,
  min_u_value numeric,
  approx_bonding numeric,
  volume_m3 numeric,
  wastage_percent numeric,
  material_value numeric,
  transport_cost numeric,
  additional_charges numeric,
  tp_margin numeric,
  commission numeric,
  distributor_margin numeric,
  target_gpm numeric generated always as (tp_margin + distributor_margin + commission) stored,
  quote_amount_vendor numeric,
  quote_amount numeric generated always as (datacube.quote_amount(
    material_value, transport_cost, tp_margin, distributor_margin, commission, quote_amount_vendor)) stored,
  m2_rate numeric generated always as (round(datacube.quote_amount(
    material_value, transport_cost, tp_margin, distributor_margin, commission, quote_amount_vendor)
    / nullif(area, 0), 2)) stored,
  order_status text,
  date_order_received date,
  cust_order_value_material numeric,
  customer_po text,
  supplier1 text,
  supplier2 text,
  requested_delivery_date date,
  final_delivery_date date,
  delivery_address text,
  invoice_number text,
  invoice_date date,
  amount_invoiced numeric,
  name_key text generated always as (datacube.name_key(item_name)) stored,
  prefix_key text generated always as (datacube.name_prefix(item_name)) stored,
  extra jsonb not null default '{}',
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  sync_version integer not null default 1
);

comment on column public.hidden_items.quote_amount is
  'from material, transport and margins where all are known, else quote_amount_vendor';
comment on column public.projects.status_category is
  'Won, Lost or Open, by the setting datacube.won_stages';
comment on column public.projects.display_name is
  'project_name, else the most frequent project name among its hidden items';
comment on column public.subitems.hidden_item_id is
  'the hidden item that was found to be the same revision; linked_hidden_item_id is the link that the board holds';
comment on column public.hidden_items.contact_id is 'no column of the board fills it yet';
comment on column public.hidden_items.account is
  'the account''s name; the board holds only the link to it (account_id), so nothing fills this yet';
comment on column public.hidden_items.urgency is 'the board keeps urgency on subitems';

create index idx_projects_account on public.projects (account);
create index idx_projects_type_category on public.projects (type, category);
create index idx_projects_product_type on public.projects (product_type);
create index idx_projects_status_category on public.projects (status_category);
create index idx_projects_date_created on public.projects (date_created);
create index idx_projects_name_key on public.projects (name_key);

create index idx_subitems_parent on public.subitems (parent_monday_id);
create index idx_subitems_hidden_item on public.subitems (hidden_item_id);
create index idx_subitems_linked on public.subitems (linked_hidden_item_id);
create index idx_subitems_item_name on public.subitems (item_name);
create index idx_subitems_name_key on public.subitems (name_key);
create index idx_subitems_prefix_key on public.subitems (prefix_key);

create index idx_hidden_items_item_name on public.hidden_items (item_name);
create index idx_hidden_items_prefix on public.hidden_items (prefix);
create index idx_hidden_items_name_key on public.hidden_items (name_key);
create index idx_hidden_items_prefix_key on public.hidden_items (prefix_key);
create index idx_hidden_items_date_received on public.hidden_items (date_received);

create index idx_projects_search on public.projects using gin (to_tsvector('english',
  coalesce(display_name, '') || ' ' || coalesce(account, '') || ' ' || coalesce(category, '')));
create extension if not exists pg_trgm;
create index idx_projects_name_trigram on public.projects using gin (display_name gin_trgm_ops);
create index idx_projects_account_trigram on public.projects using gin (account gin_trgm_ops);
