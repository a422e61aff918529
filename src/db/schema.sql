-- Made by "npm run schema:dump" from the migrations. Do not edit.

-- tables and views

table lockstep.alerts (
  id bigint not null,
  app text not null,
  stream text not null default ''::text,
  condition text not null,
  level text not null,
  opened_at timestamp with time zone not null default clock_timestamp(),
  closed_at timestamp with time zone,
  detail text not null,
  purpose text default 'alerts'::text,
  returns integer not null default 0
);
table lockstep.api_usage (
  app text not null,
  day date not null,
  calls numeric not null default 0,
  rejected integer not null default 0,
  complexity bigint not null default 0
);
table lockstep.checkpoints (
  app text not null,
  lane text not null,
  stream text not null,
  state jsonb not null,
  updated_at timestamp with time zone not null default clock_timestamp()
);
table lockstep.drift (
  run_id uuid not null,
  app text not null,
  stream text not null,
  table_name text not null,
  verified_at timestamp with time zone not null default clock_timestamp(),
  status text not null,
  rows bigint not null,
  cells bigint not null,
  missing bigint not null,
  extra bigint not null,
  different bigint not null,
  repaired bigint not null,
  unsettled bigint not null,
  reconciled boolean not null default false,
  examples jsonb not null default '[]'::jsonb
);
table lockstep.event_log_marks (
  app text not null,
  scope text not null,
  read_until timestamp with time zone not null,
  checked_at timestamp with time zone not null,
  found bigint not null default 0,
  missed bigint not null default 0,
  last_missed_at timestamp with time zone
);
view lockstep.event_log_scopes (
  app text,
  scope text,
  read_until timestamp with time zone,
  checked_at timestamp with time zone,
  found bigint,
  missed bigint,
  last_missed_at timestamp with time zone,
  healthy boolean,
  unhealthy_since timestamp with time zone
) with (security_invoker=true);
table lockstep.freshness (
  app text not null,
  stream text not null,
  table_name text not null,
  full_pass_at timestamp with time zone,
  delta_at timestamp with time zone
);
table lockstep.inbox (
  id bigint not null default nextval('lockstep.arrival'::regclass),
  app text not null,
  dedupe_key text not null,
  event_type text,
  stream text,
  entity text,
  received_at timestamp with time zone not null default clock_timestamp(),
  status text not null default 'pending'::text,
  outcome text,
  attempts integer not null default 0,
  next_attempt_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  processed_at timestamp with time zone,
  processing_ms integer,
  error text,
  deliveries integer not null default 1,
  last_delivery_at timestamp with time zone,
  client_ip text,
  headers jsonb,
  body bytea not null,
  payload jsonb,
  via text not null default 'webhook'::text
);
table lockstep.leases (
  name text not null,
  holder text not null,
  until timestamp with time zone not null
);
table lockstep.migrations (
  id text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default clock_timestamp()
);
table lockstep.notifications (
  id bigint not null,
  app text not null,
  purpose text not null,
  dedupe_key text,
  body jsonb,
  created_at timestamp with time zone not null default clock_timestamp(),
  send_after timestamp with time zone not null default clock_timestamp(),
  attempts integer not null default 0,
  next_attempt_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  claimed_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  status text not null default 'pending'::text,
  sent_at timestamp with time zone,
  sent_by text,
  dead_at timestamp with time zone,
  error text
);
table lockstep.pass_keys (
  run_id uuid not null,
  key text not null
);
table lockstep.refetch (
  app text not null,
  stream text not null,
  part text not null default 'row'::text,
  key text not null,
  seq bigint not null default nextval('lockstep.refetch_seq'::regclass),
  reason text not null,
  requested_at timestamp with time zone not null default clock_timestamp(),
  attempts integer not null default 0,
  next_attempt_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  claimed_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  error text
);
table lockstep.runs (
  id uuid not null default gen_random_uuid(),
  app text not null,
  lane text not null,
  stream text not null,
  stream_name text,
  started_at timestamp with time zone not null default clock_timestamp(),
  heartbeat_at timestamp with time zone not null default clock_timestamp(),
  finished_at timestamp with time zone,
  status text not null default 'running'::text,
  processed bigint not null default 0,
  created bigint not null default 0,
  updated bigint not null default 0,
  unchanged bigint not null default 0,
  deleted bigint not null default 0,
  api_calls integer not null default 0,
  error text,
  metadata jsonb not null default '{}'::jsonb
);
table lockstep.settings (
  key text not null,
  value jsonb not null,
  updated_at timestamp with time zone not null default clock_timestamp()
);
table lockstep.source_state (
  app text not null,
  kind text not null,
  key text not null,
  value jsonb not null,
  updated_at timestamp with time zone not null default clock_timestamp()
);
table lockstep.tombstones (
  table_name text not null,
  key text not null,
  deleted boolean not null,
  dead boolean not null,
  stamp text collate "C" not null,
  stamps jsonb not null,
  source_values jsonb not null,
  extra jsonb not null,
  local_values jsonb,
  parent text,
  recorded_at timestamp with time zone not null default clock_timestamp()
);
view lockstep.webhook_health (
  app text,
  stream text,
  status text,
  deliveries integer,
  duplicates integer,
  events integer,
  failed integer,
  p50_ms double precision,
  p95_ms double precision,
  last_event_at timestamp with time zone,
  polls integer,
  polls_found_changes_unannounced integer,
  unhealthy_since timestamp with time zone,
  last_alert_at timestamp with time zone,
  last_alert text
) with (security_invoker=true);
table lockstep.webhook_suspects (
  app text not null,
  stream text not null,
  key text not null,
  changed_at timestamp with time zone not null,
  noticed_at timestamp with time zone not null default clock_timestamp()
);
table lockstep.webhook_watch (
  app text not null,
  stream text not null,
  healthy boolean not null default true,
  unhealthy_since timestamp with time zone,
  bad_polls integer not null default 0,
  bad_rows integer not null default 0,
  polls bigint not null default 0,
  polls_found_changes_unannounced bigint not null default 0,
  judged_until timestamp with time zone,
  last_event_at timestamp with time zone,
  registered_at timestamp with time zone
);
materialized view public.conversion_metrics (
  account text,
  type text,
  category text,
  product_type text,
  product_key text,
  total_projects bigint,
  won_projects bigint,
  lost_projects bigint,
  open_projects bigint,
  win_rate numeric,
  closed_win_rate numeric,
  avg_gestation numeric,
  p25_gestation double precision,
  median_gestation double precision,
  p75_gestation double precision
);
materialized view public.conversion_metrics_recent (
  account text,
  type text,
  category text,
  product_type text,
  product_key text,
  total_projects bigint,
  won_projects bigint,
  lost_projects bigint,
  open_projects bigint,
  win_rate numeric,
  closed_win_rate numeric,
  avg_gestation numeric,
  p25_gestation double precision,
  median_gestation double precision,
  p75_gestation double precision
);
view public.data_freshness (
  table_name text,
  total_records bigint,
  fresh_1h bigint,
  fresh_24h bigint,
  oldest_sync timestamp with time zone,
  newest_sync timestamp with time zone,
  last_full_pass timestamp with time zone,
  last_delta timestamp with time zone
) with (security_invoker=true);
table public.hidden_items (
  id uuid not null default gen_random_uuid(),
  monday_id text not null,
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
  target_gpm numeric generated,
  quote_amount_vendor numeric,
  quote_amount numeric generated,
  m2_rate numeric generated,
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
  name_key text generated,
  prefix_key text generated,
  extra jsonb not null default '{}'::jsonb,
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamp with time zone not null default now(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  sync_version integer not null default 1
) row level security;
view public.project_analytics (
  id uuid,
  monday_id text,
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
  gestation_period integer,
  overall_project_value numeric,
  project_value numeric,
  weighted_pipeline numeric,
  probability_percent integer,
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
  invoicing_spread_days integer,
  feedback text,
  lost_to_who_or_why text,
  name_key text,
  extra jsonb,
  _stamp text collate "C",
  _stamps jsonb,
  last_synced_at timestamp with time zone,
  created_at timestamp with time zone,
  updated_at timestamp with time zone,
  sync_version integer,
  subitem_count bigint,
  total_quote_value numeric,
  avg_quote_value numeric
) with (security_invoker=true);
table public.projects (
  id uuid not null default gen_random_uuid(),
  monday_id text not null,
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
  gestation_period integer,
  overall_project_value numeric,
  project_value numeric,
  weighted_pipeline numeric,
  probability_percent integer,
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
  invoicing_spread_days integer generated,
  feedback text,
  lost_to_who_or_why text,
  name_key text generated,
  extra jsonb not null default '{}'::jsonb,
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamp with time zone not null default now(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  sync_version integer not null default 1
) row level security;
table public.subitems (
  id uuid not null default gen_random_uuid(),
  monday_id text not null,
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
  name_key text generated,
  prefix_key text generated,
  extra jsonb not null default '{}'::jsonb,
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamp with time zone not null default now(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  sync_version integer not null default 1
) row level security;
view public.sync_health (
  board_id text,
  last_sync timestamp with time zone,
  successful_syncs bigint,
  partial_syncs bigint,
  failed_syncs bigint,
  avg_items_processed numeric,
  avg_duration_seconds numeric
) with (security_invoker=true);
view public.sync_log (
  id uuid,
  sync_type text,
  board_id text,
  board_name text,
  started_at timestamp with time zone,
  completed_at timestamp with time zone,
  status text,
  items_processed bigint,
  items_created bigint,
  items_updated bigint,
  items_deleted bigint,
  error_message text,
  metadata jsonb
) with (security_invoker=true);
view public.webhook_events (
  id bigint,
  event_id text,
  board_id text,
  item_id text,
  event_type text,
  webhook_payload jsonb,
  received_at timestamp with time zone,
  processed_at timestamp with time zone,
  status text,
  error_message text,
  client_ip text,
  processing_time_ms integer,
  retry_count integer
) with (security_invoker=true);

-- constraints

lockstep.alerts: alerts_level_check CHECK ((level = ANY (ARRAY['warning'::text, 'critical'::text])))
lockstep.alerts: alerts_pkey PRIMARY KEY (id)
lockstep.api_usage: api_usage_pkey PRIMARY KEY (app, day)
lockstep.checkpoints: checkpoints_pkey PRIMARY KEY (app, lane, stream)
lockstep.drift: drift_pkey PRIMARY KEY (run_id)
lockstep.drift: drift_run_id_fkey FOREIGN KEY (run_id) REFERENCES lockstep.runs(id) ON DELETE CASCADE
lockstep.drift: drift_status_check CHECK ((status = ANY (ARRAY['running'::text, 'completed'::text, 'partial'::text, 'failed'::text])))
lockstep.event_log_marks: event_log_marks_pkey PRIMARY KEY (app, scope)
lockstep.freshness: freshness_pkey PRIMARY KEY (app, stream)
lockstep.inbox: inbox_pkey PRIMARY KEY (id)
lockstep.inbox: inbox_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'processed'::text, 'dead'::text])))
lockstep.inbox: inbox_via_check CHECK ((via = ANY (ARRAY['webhook'::text, 'log'::text])))
lockstep.leases: leases_pkey PRIMARY KEY (name)
lockstep.migrations: migrations_pkey PRIMARY KEY (id)
lockstep.notifications: notifications_check CHECK (((status <> 'pending'::text) OR (body IS NOT NULL)))
lockstep.notifications: notifications_pkey PRIMARY KEY (id)
lockstep.notifications: notifications_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'sent'::text, 'dead'::text, 'skipped'::text])))
lockstep.pass_keys: pass_keys_pkey PRIMARY KEY (run_id, key)
lockstep.pass_keys: pass_keys_run_id_fkey FOREIGN KEY (run_id) REFERENCES lockstep.runs(id) ON DELETE CASCADE
lockstep.refetch: refetch_pkey PRIMARY KEY (app, stream, part, key)
lockstep.runs: runs_pkey PRIMARY KEY (id)
lockstep.runs: runs_status_check CHECK ((status = ANY (ARRAY['running'::text, 'completed'::text, 'partial'::text, 'failed'::text])))
lockstep.settings: settings_pkey PRIMARY KEY (key)
lockstep.source_state: source_state_pkey PRIMARY KEY (app, kind, key)
lockstep.tombstones: tombstones_pkey PRIMARY KEY (table_name, key)
lockstep.webhook_suspects: webhook_suspects_pkey PRIMARY KEY (app, stream, key)
lockstep.webhook_watch: webhook_watch_pkey PRIMARY KEY (app, stream)
public.hidden_items: hidden_items_monday_id_key UNIQUE (monday_id)
public.hidden_items: hidden_items_pkey PRIMARY KEY (id)
public.projects: projects_gestation_period_check CHECK (((gestation_period >= 0) AND (gestation_period <= 500000)))
public.projects: projects_monday_id_key UNIQUE (monday_id)
public.projects: projects_pkey PRIMARY KEY (id)
public.projects: projects_probability_percent_check CHECK (((probability_percent >= 0) AND (probability_percent <= 100)))
public.subitems: subitems_monday_id_key UNIQUE (monday_id)
public.subitems: subitems_pkey PRIMARY KEY (id)

-- indexes

CREATE INDEX alerts_latest ON lockstep.alerts USING btree (app, stream, condition, id DESC)
CREATE INDEX alerts_recent ON lockstep.alerts USING btree (app, opened_at DESC)
CREATE INDEX drift_latest ON lockstep.drift USING btree (app, stream, verified_at DESC)
CREATE INDEX idx_hidden_items_date_received ON public.hidden_items USING btree (date_received)
CREATE INDEX idx_hidden_items_item_name ON public.hidden_items USING btree (item_name)
CREATE INDEX idx_hidden_items_name_key ON public.hidden_items USING btree (name_key)
CREATE INDEX idx_hidden_items_prefix ON public.hidden_items USING btree (prefix)
CREATE INDEX idx_hidden_items_prefix_key ON public.hidden_items USING btree (prefix_key)
CREATE INDEX idx_projects_account ON public.projects USING btree (account)
CREATE INDEX idx_projects_account_trigram ON public.projects USING gin (account gin_trgm_ops)
CREATE INDEX idx_projects_date_created ON public.projects USING btree (date_created)
CREATE INDEX idx_projects_name_key ON public.projects USING btree (name_key)
CREATE INDEX idx_projects_name_trigram ON public.projects USING gin (display_name gin_trgm_ops)
CREATE INDEX idx_projects_product_type ON public.projects USING btree (product_type)
CREATE INDEX idx_projects_search ON public.projects USING gin (to_tsvector('english'::regconfig, ((((COALESCE(display_name, ''::text) || ' '::text) || COALESCE(account, ''::text)) || ' '::text) || COALESCE(category, ''::text))))
CREATE INDEX idx_projects_status_category ON public.projects USING btree (status_category)
CREATE INDEX idx_projects_type_category ON public.projects USING btree (type, category)
CREATE INDEX idx_subitems_hidden_item ON public.subitems USING btree (hidden_item_id)
CREATE INDEX idx_subitems_item_name ON public.subitems USING btree (item_name)
CREATE INDEX idx_subitems_linked ON public.subitems USING btree (linked_hidden_item_id)
CREATE INDEX idx_subitems_name_key ON public.subitems USING btree (name_key)
CREATE INDEX idx_subitems_parent ON public.subitems USING btree (parent_monday_id)
CREATE INDEX idx_subitems_prefix_key ON public.subitems USING btree (prefix_key)
CREATE INDEX inbox_dead ON lockstep.inbox USING btree (app, id) WHERE (status = 'dead'::text)
CREATE INDEX inbox_pending ON lockstep.inbox USING btree (app, id) WHERE (status = 'pending'::text)
CREATE INDEX inbox_received ON lockstep.inbox USING btree (received_at)
CREATE INDEX notifications_pending ON lockstep.notifications USING btree (purpose, send_after, id) WHERE (status = 'pending'::text)
CREATE INDEX notifications_recent ON lockstep.notifications USING btree (created_at)
CREATE INDEX notifications_sent ON lockstep.notifications USING btree (purpose, sent_at) WHERE (sent_at IS NOT NULL)
CREATE INDEX runs_recent ON lockstep.runs USING btree (app, lane, stream, started_at DESC)
CREATE INDEX runs_running ON lockstep.runs USING btree (heartbeat_at) WHERE (status = 'running'::text)
CREATE INDEX tombstones_parent ON lockstep.tombstones USING btree (table_name, parent) WHERE (parent IS NOT NULL)
CREATE UNIQUE INDEX alerts_open ON lockstep.alerts USING btree (app, stream, condition) WHERE (closed_at IS NULL)
CREATE UNIQUE INDEX conversion_metrics_key ON public.conversion_metrics USING btree (account, type, category, product_type, product_key)
CREATE UNIQUE INDEX conversion_metrics_recent_key ON public.conversion_metrics_recent USING btree (account, type, category, product_type, product_key)
CREATE UNIQUE INDEX inbox_dedupe ON lockstep.inbox USING btree (app, dedupe_key)
CREATE UNIQUE INDEX notifications_once ON lockstep.notifications USING btree (app, purpose, dedupe_key)

-- sequences

lockstep.alerts_id_seq
lockstep.arrival
lockstep.notifications_id_seq
lockstep.refetch_seq

-- triggers

CREATE TRIGGER hidden_items_touch BEFORE UPDATE ON public.hidden_items FOR EACH ROW WHEN ((old.last_synced_at IS DISTINCT FROM new.last_synced_at)) EXECUTE FUNCTION datacube.touch()
CREATE TRIGGER projects_touch BEFORE UPDATE ON public.projects FOR EACH ROW WHEN (((old.last_synced_at IS DISTINCT FROM new.last_synced_at) OR (((((((((((((((((((old.display_name IS DISTINCT FROM new.display_name) OR (old.status_category IS DISTINCT FROM new.status_category)) OR (old.account IS DISTINCT FROM new.account)) OR (old.product_type IS DISTINCT FROM new.product_type)) OR (old.product_key IS DISTINCT FROM new.product_key)) OR (old.new_enquiry_value IS DISTINCT FROM new.new_enquiry_value)) OR (old.value_band IS DISTINCT FROM new.value_band)) OR (old.gestation_period IS DISTINCT FROM new.gestation_period)) OR (old.overall_project_value IS DISTINCT FROM new.overall_project_value)) OR (old.project_value IS DISTINCT FROM new.project_value)) OR (old.weighted_pipeline IS DISTINCT FROM new.weighted_pipeline)) OR (old.probability_percent IS DISTINCT FROM new.probability_percent)) OR (old.total_order_value IS DISTINCT FROM new.total_order_value)) OR (old.total_amount_invoiced IS DISTINCT FROM new.total_amount_invoiced)) OR (old.date_order_received IS DISTINCT FROM new.date_order_received)) OR (old.first_date_designed IS DISTINCT FROM new.first_date_designed)) OR (old.last_date_designed IS DISTINCT FROM new.last_date_designed)) OR (old.first_date_invoiced IS DISTINCT FROM new.first_date_invoiced)) OR (old.last_date_invoiced IS DISTINCT FROM new.last_date_invoiced)))) EXECUTE FUNCTION datacube.touch()
CREATE TRIGGER subitems_touch BEFORE UPDATE ON public.subitems FOR EACH ROW WHEN (((old.last_synced_at IS DISTINCT FROM new.last_synced_at) OR (((((((((((((((((((((((((((((((((((((old.hidden_item_id IS DISTINCT FROM new.hidden_item_id) OR (old.account IS DISTINCT FROM new.account)) OR (old.product_type IS DISTINCT FROM new.product_type)) OR (old.new_enquiry_value IS DISTINCT FROM new.new_enquiry_value)) OR (old.reason_for_change IS DISTINCT FROM new.reason_for_change)) OR (old.date_received IS DISTINCT FROM new.date_received)) OR (old.date_design_completed IS DISTINCT FROM new.date_design_completed)) OR (old.designer IS DISTINCT FROM new.designer)) OR (old.time_taken IS DISTINCT FROM new.time_taken)) OR (old.surveyor IS DISTINCT FROM new.surveyor)) OR (old.area IS DISTINCT FROM new.area)) OR (old.fall IS DISTINCT FROM new.fall)) OR (old.min_thickness IS DISTINCT FROM new.min_thickness)) OR (old.max_thickness IS DISTINCT FROM new.max_thickness)) OR (old.u_value IS DISTINCT FROM new.u_value)) OR (old.min_u_value IS DISTINCT FROM new.min_u_value)) OR (old.deck_type IS DISTINCT FROM new.deck_type)) OR (old.layering IS DISTINCT FROM new.layering)) OR (old.quote_amount IS DISTINCT FROM new.quote_amount)) OR (old.m2_rate IS DISTINCT FROM new.m2_rate)) OR (old.material_value IS DISTINCT FROM new.material_value)) OR (old.transport_cost IS DISTINCT FROM new.transport_cost)) OR (old.order_status IS DISTINCT FROM new.order_status)) OR (old.date_order_received IS DISTINCT FROM new.date_order_received)) OR (old.cust_order_value_material IS DISTINCT FROM new.cust_order_value_material)) OR (old.customer_po IS DISTINCT FROM new.customer_po)) OR (old.supplier1 IS DISTINCT FROM new.supplier1)) OR (old.supplier2 IS DISTINCT FROM new.supplier2)) OR (old.requested_delivery_date IS DISTINCT FROM new.requested_delivery_date)) OR (old.final_delivery_date IS DISTINCT FROM new.final_delivery_date)) OR (old.delivery_address IS DISTINCT FROM new.delivery_address)) OR (old.invoice_number IS DISTINCT FROM new.invoice_number)) OR (old.invoice_date IS DISTINCT FROM new.invoice_date)) OR (old.amount_invoiced IS DISTINCT FROM new.amount_invoiced)) OR (old.date_quoted IS DISTINCT FROM new.date_quoted)) OR (old.date_project_won IS DISTINCT FROM new.date_project_won)) OR (old.date_project_closed IS DISTINCT FROM new.date_project_closed)))) EXECUTE FUNCTION datacube.touch()

-- policies

readers on public.hidden_items for SELECT to authenticated
readers on public.projects for SELECT to authenticated
readers on public.subitems for SELECT to authenticated
service on public.hidden_items for ALL to service_role
service on public.projects for ALL to service_role
service on public.subitems for ALL to service_role

-- functions

auth.jwt() returns jsonb language sql stable
select coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb
datacube.category_key(category text) returns text language sql immutable

  select case lower(regexp_replace(btrim(category), '[\s-]+', ' ', 'g'))
    when 'healthcare' then 'Health'
    when 'health care' then 'Health'
    when 'data center' then 'Datacentre'
    when 'data centre' then 'Datacentre'
    when 'datacenter' then 'Datacentre'
    else btrim(category)
  end

datacube.date_of(year integer, month integer, day integer) returns date language sql immutable

  select case
    when year between 1 and 9999 and month between 1 and 12 and day between 1 and 31
      and day <= extract(day from make_date(year, month, 1) + interval '1 month - 1 day')
    then make_date(year, month, day)
  end

datacube.distinct_parts(value text) returns text language sql immutable

  select case when value like '%,%' then datacube.joined_parts(value) else datacube.filled(value) end

datacube.filled(value text) returns text language sql immutable

  select case when btrim(value) in ('', 'null') then null else btrim(value) end

datacube.joined_parts(value text) returns text language sql immutable

  select case when count(*) = sum(times) then btrim(value) else string_agg(part, ', ' order by place) end
  from (
    select btrim(part) as part, min(place) as place, count(*) as times
    from unnest(string_to_array(value, ',')) with ordinality as p (part, place)
    where btrim(part) <> '' group by btrim(part)
  ) as parts

datacube.name_key(name text) returns text language sql immutable

  select nullif(lower(btrim(regexp_replace(name, '\s+', ' ', 'g'))), '')

datacube.name_prefix(name text) returns text language sql immutable

  select substring(name from '^\s*(\d+)')

datacube.parsed_date(value text) returns date language sql immutable

  select case
    when iso is not null then datacube.date_of(iso[1]::int, iso[2]::int, iso[3]::int)
    when local is not null then coalesce(
      datacube.date_of(local[3]::int, local[2]::int, local[1]::int),
      datacube.date_of(local[3]::int, local[1]::int, local[2]::int))
  end
  from (select datacube.unwrapped(value, '{date,value,text,display_value}') as plain) as cell
  cross join lateral (
    select regexp_match(plain, '^\s*(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)') as iso,
      regexp_match(plain, '^\s*(\d{1,2})/(\d{1,2})/(\d{4})(?!\d)') as local
  ) as found

datacube.parsed_number(value text) returns numeric language sql immutable

  select sum(substring(part from '-?(?:\d{1,60}(?:\.\d{0,60})?|\.\d{1,60})')::numeric)
  from unnest(string_to_array(
    regexp_replace(
      regexp_replace(
        left(datacube.unwrapped(value, '{value,text,display_value,amount,numeric}'), 2000), '[£$€]\s*', '', 'g'),
      '(\d),(?=\d{3}(?!\d))', '\1', 'g'),
    ',')) as part

datacube.product_key(product_type text) returns text language sql immutable

  select case when datacube.filled(product_type) is null then '' else coalesce((
    select rule.key
    from unnest(string_to_array(regexp_replace(regexp_replace(regexp_replace(
      lower(product_type), '\s*([/-])\s*', '\1', 'g'), '\s*\(\s*', ' (', 'g'), '\s+', ' ', 'g'), ','))
      with ordinality as token (text, place)
    join (values
      (1, '^(pir_tissue|pir_foil|pir_torchon|pir_prebonded|eps_standard|eps_inverted|eps_pir_composite|xps|vips|hardrock|rockdeck|t3_system)$', null),
      (2, '^eps/pir', 'eps_pir_composite'),
      (3, '\mpir\M.*\(\+? ?prebonded ?\)', 'pir_prebonded'),
      (4, '^torch[ -]?on\M', 'pir_torchon'),
      (5, '^(tissue|tf)( faced)?( pir)?$', 'pir_tissue'),
      (6, '^(foil( faced)?( pir)?$|enertherm)', 'pir_foil'),
      (7, '^(inverted eps|eps (200|300) ?e)\M', 'eps_inverted'),
      (8, '^eps( 100| 150| 100/150)?$', 'eps_standard'),
      (9, '^vip', 'vips'),
      (10, '^(rockwool )?hardrock( multi-fix)?\M', 'hardrock'),
      (11, '^rockdeck', 'rockdeck'),
      (12, '^t3\+', 't3_system')
    ) as pattern (rank, matches, key) on btrim(token.text) ~ pattern.matches
    cross join lateral (select coalesce(pattern.key, btrim(token.text)) as key) as rule
    order by token.place, pattern.rank limit 1
  ), 'unknown') end

datacube.quote_amount(material numeric, transport numeric, tp numeric, distributor numeric, commission numeric, vendor numeric) returns numeric language sql immutable

  select coalesce(round((material + transport) / nullif(1 - (tp + distributor + commission) / 100, 0), 2), vendor)

datacube.round_up(value numeric) returns numeric language sql immutable

  select round(sign(value) * ceil(abs(value) * 100) / 100, 2)

datacube.status_category(stage text, won text[]) returns text language sql immutable

  select case when stage = any (won) then 'Won' when stage = 'Lost' then 'Lost' else 'Open' end

datacube.to_date(value text) returns date language sql immutable

  select case
    when value is null or value = '' then null
    when value ~ '^[12]\d{3}-((0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)$'
      then make_date(left(value, 4)::int, substr(value, 6, 2)::int, substr(value, 9, 2)::int)
    else datacube.parsed_date(value)
  end

datacube.to_number(value text) returns numeric language sql immutable

  select case
    when value ~ '^-?\d+(\.\d+)?$' and length(value) < 100 then value::numeric
    else datacube.parsed_number(value)
  end

datacube.touch() returns trigger language plpgsql volatile

begin
  new.updated_at := clock_timestamp();
  new.sync_version := old.sync_version + 1;
  return new;
end

datacube.unwrapped(value text, keys text[]) returns text language sql immutable

  select case
    when value ~ '^\s*"' then btrim(value, E' \t\n"')
    when value ~ '^\s*\{' then (
      select coalesce(m[1], m[2])
      from unnest(keys) with ordinality as k (key, place)
      cross join lateral regexp_match(value, '"' || k.key || '"\s*:\s*(?:"([^"]*)"|([^",{}\s]+))') as m
      where m is not null and coalesce(m[1], m[2]) not in ('', 'null')
      order by place limit 1
    )
    else value
  end

datacube.value_band(value numeric) returns text language sql immutable

  select case
    when value is null or value <= 0 then 'Zero'
    when value <= 15000 then 'Small (<15k)'
    when value <= 40000 then 'Medium (15-40k)'
    when value <= 100000 then 'Large (40-100k)'
    else 'XLarge (>100k)'
  end

datacube.won_stages() returns text[] language sql stable

  select coalesce(
    (select array(select jsonb_array_elements_text(value)) from lockstep.settings
     where key = 'datacube.won_stages' and jsonb_typeof(value) = 'array'),
    array['Won - Closed (Invoiced)', 'Won - Open (Order Received)', 'Won Via Other Ref'])

lockstep.merge_extra(a_extra jsonb, a text, a_over jsonb, b_extra jsonb, b text, b_over jsonb) returns jsonb language sql immutable

  select coalesce(jsonb_object_agg(k, v) filter (where v is not null), '{}') from (
    select k, case
      when coalesce(b_over ->> ('+' || k), b) collate "C" > coalesce(a_over ->> ('+' || k), a) collate "C"
      then b_extra -> k else a_extra -> k end as v
    from (
      select jsonb_object_keys(coalesce(a_extra, '{}'))
      union
      select jsonb_object_keys(coalesce(b_extra, '{}'))
    ) as keys (k)
  ) as merged

lockstep.merge_stamps(a text, a_over jsonb, b text, b_over jsonb) returns jsonb language sql immutable

  select jsonb_object_agg(k, s) from (
    select k, greatest(coalesce(a_over ->> k, a) collate "C", coalesce(b_over ->> k, b) collate "C") as s
    from (
      select jsonb_object_keys(coalesce(a_over, '{}'))
      union
      select jsonb_object_keys(coalesce(b_over, '{}'))
    ) as keys (k)
  ) as merged
  where s collate "C" <> greatest(a collate "C", b collate "C")

lockstep.outranks(b text, b_over jsonb, a text, a_over jsonb) returns boolean language sql immutable

  select b collate "C" > a collate "C" or exists (
    select from (
      select jsonb_object_keys(coalesce(a_over, '{}'))
      union
      select jsonb_object_keys(coalesce(b_over, '{}'))
    ) as keys (k)
    where coalesce(b_over ->> k, b) collate "C" > coalesce(a_over ->> k, a) collate "C"
  )

check_data_consistency() returns TABLE(check_name text, rows bigint, examples text[]) language sql stable

  with found (check_name, key) as (
    select 'orphaned_subitems', monday_id from public.find_orphaned_subitems()
    union all
    select 'subitems_without_hidden_item', monday_id from public.subitems where hidden_item_id is null
    union all
    select 'projects_without_account', monday_id from public.projects where coalesce(account, '') = ''
    union all
    select 'projects_without_product', monday_id from public.projects where coalesce(product_type, '') = ''
    union all
    select 'unconfirmed_tables', table_name from public.data_freshness where last_full_pass is null
  )
  select c.check_name, count(f.key), coalesce((array_agg(f.key order by f.key) filter (where f.key is not null))[1:10], '{}')
  from unnest(array['orphaned_subitems', 'subitems_without_hidden_item', 'projects_without_account',
    'projects_without_product', 'unconfirmed_tables']) with ordinality as c (check_name, place)
  left join found as f on f.check_name = c.check_name
  group by c.check_name, c.place
  order by c.place

find_orphaned_subitems() returns TABLE(monday_id text, parent_monday_id text) language sql stable

  select s.monday_id, s.parent_monday_id
  from public.subitems as s
  where not exists (select from public.projects as p where p.monday_id = s.parent_monday_id)

get_data_freshness() returns SETOF data_freshness language sql stable
 select * from public.data_freshness
refresh_analytics_views() returns void language plpgsql volatile

begin
  refresh materialized view concurrently public.conversion_metrics;
  refresh materialized view concurrently public.conversion_metrics_recent;
end

search_projects(query text, max_rows integer DEFAULT 20) returns TABLE(monday_id text, item_name text, project_name text, account text, type text, category text, pipeline_stage text, status_category text, new_enquiry_value numeric, rank real) language sql stable

  with words as (
    select p.monday_id, ts_rank(to_tsvector('english',
      coalesce(p.display_name, '') || ' ' || coalesce(p.account, '') || ' ' || coalesce(p.category, '')), q) as rank
    from websearch_to_tsquery('english', query) as q
    join public.projects as p on to_tsvector('english',
      coalesce(p.display_name, '') || ' ' || coalesce(p.account, '') || ' ' || coalesce(p.category, '')) @@ q
    union all
    select p.monday_id, 2 from public.projects as p where p.name_key = datacube.name_key(query)
  ),
  alike as (
    select p.monday_id, greatest(
      word_similarity(query, p.display_name), word_similarity(query, p.account),
      similarity(query, p.display_name), similarity(query, p.account)) as rank
    from public.projects as p
    where not exists (select from words)
      and (query <% p.display_name or query <% p.account or p.display_name % query or p.account % query)
  ),
  hits as (
    select h.monday_id, max(h.rank)::real as rank
    from (select * from words union all select * from alike) as h group by h.monday_id
  )
  select p.monday_id, p.item_name, p.display_name, p.account, p.type, p.category, p.pipeline_stage,
    p.status_category, p.new_enquiry_value, hits.rank
  from hits join public.projects as p on p.monday_id = hits.monday_id
  order by hits.rank desc, p.date_created desc nulls last, p.monday_id
  limit greatest(max_rows, 0)

