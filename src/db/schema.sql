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
  last_missed_at timestamp with time zone,
  attempt text,
  attempt_key text,
  asked_at timestamp with time zone
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
view lockstep.inbox (
  id bigint,
  app text,
  dedupe_key text,
  event_type text,
  stream text,
  entity text,
  received_at timestamp with time zone,
  status text,
  outcome text,
  attempts integer,
  next_attempt_at timestamp with time zone,
  processed_at timestamp with time zone,
  processing_ms integer,
  error text,
  deliveries integer,
  last_delivery_at timestamp with time zone,
  client_ip text,
  headers json,
  body bytea,
  payload jsonb,
  via text
);
table lockstep.inbox_events (
  id bigint not null default nextval('lockstep.arrival'::regclass),
  app text not null,
  dedupe_key text not null,
  event_type text,
  stream text,
  entity text,
  received_at timestamp with time zone not null default clock_timestamp(),
  deliveries integer not null default 1,
  last_delivery_at timestamp with time zone,
  client_ip text,
  headers json,
  body bytea not null,
  via text not null default 'webhook'::text,
  plain boolean not null default false
) with (toast_tuple_target=8160);
table lockstep.inbox_outcomes (
  id bigint not null,
  app text not null,
  status text not null,
  outcome text,
  error text,
  attempts integer not null,
  processed_at timestamp with time zone not null default clock_timestamp(),
  processing_ms integer
);
table lockstep.inbox_queue (
  app text not null,
  id bigint not null,
  attempts integer not null default 0,
  next_attempt_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  error text,
  bytes integer not null
) with (autovacuum_analyze_scale_factor=0, autovacuum_analyze_threshold=50000, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000);
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
  keys text[] not null
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
table lockstep.vendor_accounts (
  app text not null,
  account text not null,
  last_success_at timestamp with time zone,
  last_failure_at timestamp with time zone,
  failures_in_a_row integer not null default 0,
  last_error text
);
table lockstep.vendor_calls (
  app text not null,
  account text not null,
  slot timestamp with time zone not null,
  calls integer not null default 0,
  errors integer not null default 0,
  rejected integer not null default 0,
  latencies integer[] not null default '{}'::integer[]
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
table portal.cache_marks (
  xact xid8 not null default pg_current_xact_id(),
  topic text collate "C" not null,
  scope text collate "C" not null,
  marked_at timestamp with time zone not null default clock_timestamp()
) row level security;
table portal.lead_ids (
  scope text collate "C" not null,
  lead_id bigint not null,
  person text collate "C" not null
) row level security;
table portal.mailbox_marks (
  snapshot_date date not null,
  account text not null,
  emails_sent integer not null,
  total_replied integer not null,
  unique_replied integer not null,
  bounced integer not null
) row level security;
table portal.mailbox_rules (
  one_row boolean not null default true,
  burnt_sent integer not null default 200,
  burnt_reply_percent numeric not null default 0.4,
  bounce_sent integer not null default 50,
  bounce_percent numeric not null default 5,
  zero_reply_sent integer not null default 100,
  low_reply_sent integer not null default 50,
  low_reply_percent numeric not null default 2,
  low_reply_more_than integer not null default 10,
  idle_more_than integer not null default 20,
  stale_warning_hours numeric not null default 12,
  stale_critical_hours numeric not null default 24
) row level security;
view portal.mailboxes (
  id uuid,
  bison_key text,
  workspace_name text,
  bison_instance text,
  bison_workspace_id integer,
  bison_account_id bigint,
  email_address text,
  account_name text,
  status text,
  account_type text,
  daily_limit integer,
  warmup_enabled boolean,
  emails_sent_count integer,
  total_replied_count integer,
  unique_replied_count integer,
  total_opened_count integer,
  unique_opened_count integer,
  bounced_count integer,
  unsubscribed_count integer,
  interested_leads_count integer,
  total_leads_contacted_count integer,
  tags text[],
  vendor_created_at timestamp with time zone,
  vendor_updated_at timestamp with time zone,
  reply_rate_percentage numeric,
  email_provider text,
  reseller text,
  domain text,
  mailboxes_on_domain integer,
  price_override numeric,
  price numeric,
  price_source text,
  pricing_needs_review boolean,
  volume_override integer,
  volume_per_account integer,
  notes text,
  extra jsonb,
  _stamp text collate "C",
  _stamps jsonb,
  last_synced_at timestamp with time zone,
  created_at timestamp with time zone,
  account text,
  provider text
) with (security_invoker=true);
table portal.metric_names (
  metric text not null,
  event_type text not null,
  column_name text not null
) row level security;
table portal.provider_groups (
  email_provider text not null,
  provider_group text not null
) row level security;
table portal.reconciliations (
  id bigint not null,
  scope text collate "C" not null,
  started_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  found jsonb not null,
  done jsonb,
  remains jsonb,
  outcome text
) row level security;
table portal.scopes (
  scope text collate "C" not null,
  instance text generated,
  bison_workspace_id integer generated,
  vendor_name text not null,
  workspace_name text not null,
  instance_url text,
  ledger_since timestamp with time zone
) row level security;
table portal.settings (
  one_row boolean not null default true,
  time_zone text not null default 'America/Chicago'::text,
  updated_at timestamp with time zone not null default clock_timestamp()
) row level security;
table public.campaigns (
  id uuid not null default gen_random_uuid(),
  bison_key text not null,
  workspace_name text,
  bison_instance text,
  bison_workspace_id integer,
  bison_campaign_id bigint,
  campaign_name text,
  status text,
  is_active boolean generated,
  campaign_type text,
  completion_percentage numeric,
  emails_sent integer,
  opened integer,
  unique_opens integer,
  replied integer,
  unique_replies integer,
  bounced integer,
  unsubscribed integer,
  interested integer,
  total_leads integer,
  total_leads_contacted integer,
  max_emails_per_day integer,
  max_new_leads_per_day integer,
  open_tracking boolean,
  tags text[],
  vendor_created_at timestamp with time zone,
  vendor_updated_at timestamp with time zone,
  emails_scheduled_today integer,
  emails_scheduled_tomorrow integer,
  extra jsonb not null default '{}'::jsonb,
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamp with time zone not null default now(),
  created_at timestamp with time zone not null default now(),
  include_auto_replies_in_stats boolean,
  schedule_read_on date
) row level security with (fillfactor=85);
table public.client_costs (
  workspace_name text not null,
  month_year text not null,
  amount numeric(12,2) not null,
  note text
) row level security;
table public.client_leads (
  id uuid not null default gen_random_uuid(),
  scope text collate "C" not null,
  workspace_name text not null,
  lead_email text collate "C" not null,
  bison_lead_id text,
  bison_workspace_id integer generated,
  first_name text,
  last_name text,
  phone text,
  address text,
  city text,
  state text,
  zip text,
  title text,
  company text,
  renewal text,
  birthday text,
  contact jsonb not null default '{}'::jsonb,
  edits jsonb not null default '{}'::jsonb,
  custom_variables jsonb,
  tags jsonb,
  lead_campaign_data jsonb,
  overall_stats jsonb,
  lead_status text,
  date_received timestamp with time zone,
  bison_reply_uuid text,
  bison_conversation_url text,
  interested boolean not null default false,
  interested_at timestamp with time zone,
  pipeline_stage text not null default 'new'::text,
  machine_stage text not null default 'new'::text,
  machine_stage_at timestamp with time zone,
  human_stage text,
  human_stage_at timestamp with time zone,
  human_stage_by text,
  delivery_state text not null default 'ok'::text,
  bounced_at timestamp with time zone,
  unsubscribed_at timestamp with time zone,
  pipeline_position integer,
  notes text,
  lead_value numeric(12,2) not null default 500,
  premium_amount numeric(12,2),
  policy_type text,
  assigned_to_user_id uuid,
  assigned_to_name text,
  assigned_at timestamp with time zone,
  assigned_by_user_id text,
  deleted_at timestamp with time zone,
  deleted_by_user_id text,
  deletion_reason text,
  is_manual boolean not null default false,
  airtable_id text,
  external_api_sent_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now()
) row level security;
table public.client_metrics (
  id uuid not null default gen_random_uuid(),
  scope text collate "C" not null,
  workspace_name text not null,
  metric_date date not null,
  metric_type text not null default 'mtd'::text,
  emails_sent_today integer not null default 0,
  emails_sent_mtd integer not null default 0,
  emails_sent_last_7_days integer not null default 0,
  emails_sent_last_14_days integer not null default 0,
  emails_sent_last_30_days integer not null default 0,
  emails_scheduled_today integer,
  emails_scheduled_tomorrow integer,
  projection_emails_eom integer,
  positive_replies_mtd integer not null default 0,
  positive_replies_last_7_days integer not null default 0,
  positive_replies_last_14_days integer not null default 0,
  positive_replies_last_30_days integer not null default 0,
  positive_replies_current_month integer not null default 0,
  positive_replies_last_month integer not null default 0,
  projection_positive_replies_eom integer,
  all_replies_mtd integer not null default 0,
  opens_mtd integer not null default 0,
  bounced_mtd integer not null default 0,
  unsubscribed_mtd integer not null default 0,
  mtd_leads_progress numeric(10,2),
  projection_replies_progress numeric(10,2),
  last_week_vs_week_before_progress numeric(10,2) not null default 0,
  update_source text,
  last_webhook_update_at timestamp with time zone,
  last_poll_update_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now()
) row level security;
table public.client_registry (
  bison_key text not null,
  workspace_name text,
  display_name text,
  bison_instance text,
  bison_workspace_id integer,
  bison_workspace_name text,
  workspace_id integer generated,
  scope text generated,
  client_type text,
  is_active boolean not null default true,
  is_agency boolean not null default false,
  monthly_kpi_target integer not null default 0,
  monthly_sending_target integer not null default 0,
  daily_sending_target integer not null default 0,
  billing_type text not null default 'per_lead'::text,
  price_per_lead numeric(10,2) not null default 0,
  retainer_amount numeric(10,2) not null default 0,
  payout numeric(10,2),
  kpi_dashboard_enabled boolean not null default true,
  volume_dashboard_enabled boolean not null default true,
  portal_access_enabled boolean not null default true,
  live_replies_enabled boolean not null default true,
  disconnect_notifications_enabled boolean not null default true,
  timezone text,
  notes text,
  extra jsonb not null default '{}'::jsonb,
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamp with time zone not null default now(),
  created_at timestamp with time zone not null default now(),
  bison_timezone text,
  bison_max_emails_per_day integer,
  bison_daily_limit integer,
  bison_settings_at timestamp with time zone,
  effective_timezone text generated,
  announced_at timestamp with time zone
) row level security;
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
table public.data_cache_metadata (
  cache_key text not null,
  workspace_name text,
  data jsonb,
  last_updated_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  hit_count bigint not null default 0,
  miss_count bigint not null default 0,
  error text,
  size_bytes bigint,
  load_ms integer
) row level security;
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
view public.data_health_summary (
  workspace_name text,
  last_webhook_at timestamp with time zone,
  minutes_since_webhook numeric,
  webhook_count_24h integer,
  poll_count_24h integer,
  success_rate_24h numeric,
  health_status text,
  last_alert_at timestamp with time zone
) with (security_invoker=true);
table public.email_daily_counts (
  scope text collate "C" not null,
  business_date date not null,
  event_type text collate "C" not null,
  count integer not null,
  told_at timestamp with time zone,
  polled_at timestamp with time zone,
  adjusted_at timestamp with time zone
) row level security;
table public.email_events (
  event_key text collate "C" not null,
  scope text collate "C" not null,
  event_type text collate "C" not null,
  at timestamp with time zone not null,
  business_date date not null,
  source text not null,
  amount integer not null default 1,
  lead_id bigint,
  lead_email text,
  person text collate "C",
  campaign_id bigint,
  sender_email_id bigint,
  scheduled_email_id bigint,
  reply_id text,
  reply_date timestamp with time zone,
  contact jsonb,
  note text,
  recorded_at timestamp with time zone not null default now(),
  is_automated boolean,
  is_left_out boolean not null default false
) row level security;
table public.function_call_logs (
  id bigint not null,
  function_name text not null,
  workspace_name text,
  cache_hit boolean not null default false,
  response_time_ms integer,
  success boolean not null default true,
  called_at timestamp with time zone not null default now(),
  created_at timestamp with time zone generated,
  calls integer not null default 1
) row level security;
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
) row level security with (fillfactor=85);
view public.lead_conversations (
  lead_id uuid,
  workspace_name text,
  lead_email text collate "C",
  replies bigint,
  recent_replies bigint,
  last_reply_at timestamp with time zone,
  conversation_status text
) with (security_invoker=true);
table public.lead_replies (
  id uuid not null default gen_random_uuid(),
  bison_key text not null,
  workspace_name text,
  bison_instance text,
  bison_workspace_id integer,
  bison_reply_id text,
  bison_reply_numeric_id bigint,
  bison_lead_id bigint,
  bison_campaign_id bigint,
  original_sender_email_id bigint,
  scheduled_email_id bigint,
  from_name text,
  lead_email text,
  to_email text,
  subject text,
  reply_text text,
  reply_date timestamp with time zone,
  folder text,
  reply_type text,
  is_interested boolean,
  is_automated boolean,
  is_tracked boolean,
  is_read boolean,
  vendor_created_at timestamp with time zone,
  vendor_updated_at timestamp with time zone,
  bison_sentiment text generated,
  sentiment text generated,
  sentiment_source text generated,
  is_handled boolean not null default false,
  handled_at timestamp with time zone,
  handled_by text,
  needs_review boolean not null default false,
  extra jsonb not null default '{}'::jsonb,
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamp with time zone not null default now(),
  created_at timestamp with time zone not null default now()
) row level security with (fillfactor=85);
view public.mailbox_health (
  workspace_name text,
  bison_key text,
  bison_account_id bigint,
  email_address text,
  status text,
  email_provider text,
  reseller text,
  price numeric,
  daily_limit integer,
  volume_per_account integer,
  emails_sent integer,
  total_replies integer,
  total_bounces integer,
  total_reply_rate numeric,
  bounce_rate numeric,
  problems text[]
) with (security_invoker=true);
view public.pipeline_leads (
  id uuid,
  scope text collate "C",
  workspace_name text,
  lead_email text collate "C",
  bison_lead_id text,
  bison_workspace_id integer,
  first_name text,
  last_name text,
  phone text,
  address text,
  city text,
  state text,
  zip text,
  title text,
  company text,
  renewal text,
  birthday text,
  contact jsonb,
  edits jsonb,
  custom_variables jsonb,
  tags jsonb,
  lead_campaign_data jsonb,
  overall_stats jsonb,
  lead_status text,
  date_received timestamp with time zone,
  bison_reply_uuid text,
  bison_conversation_url text,
  interested boolean,
  interested_at timestamp with time zone,
  pipeline_stage text,
  machine_stage text,
  machine_stage_at timestamp with time zone,
  human_stage text,
  human_stage_at timestamp with time zone,
  human_stage_by text,
  delivery_state text,
  bounced_at timestamp with time zone,
  unsubscribed_at timestamp with time zone,
  pipeline_position integer,
  notes text,
  lead_value numeric(12,2),
  premium_amount numeric(12,2),
  policy_type text,
  assigned_to_user_id uuid,
  assigned_to_name text,
  assigned_at timestamp with time zone,
  assigned_by_user_id text,
  deleted_at timestamp with time zone,
  deleted_by_user_id text,
  deletion_reason text,
  is_manual boolean,
  airtable_id text,
  external_api_sent_at timestamp with time zone,
  created_at timestamp with time zone,
  updated_at timestamp with time zone
) with (security_invoker=true);
table public.pipeline_stage_history (
  id bigint not null,
  lead_id uuid not null,
  workspace_name text not null,
  lead_email text not null,
  old_stage text,
  new_stage text not null,
  changed_at timestamp with time zone not null default clock_timestamp(),
  actor_kind text not null,
  actor text not null,
  db_role text not null default CURRENT_USER,
  jwt_sub text,
  jwt_role text,
  user_agent text,
  referer text,
  client_addr inet default inet_client_addr()
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
) row level security with (fillfactor=85);
table public.provider_performance_history (
  email_provider text not null,
  bison_instance text not null,
  snapshot_date date not null,
  total_accounts integer not null,
  active_accounts integer not null,
  total_sent bigint not null,
  total_replies bigint not null,
  unique_replies bigint not null,
  total_bounces bigint not null,
  avg_reply_rate numeric,
  avg_emails_per_account numeric,
  total_daily_limit bigint not null,
  total_volume_capacity bigint not null,
  utilization_percentage numeric,
  sent_delta bigint,
  replies_delta bigint,
  unique_replies_delta bigint,
  bounces_delta bigint,
  created_at timestamp with time zone not null default now()
) row level security;
table public.sender_emails_cache (
  id uuid not null default gen_random_uuid(),
  bison_key text not null,
  workspace_name text,
  bison_instance text,
  bison_workspace_id integer,
  bison_account_id bigint,
  email_address text,
  account_name text,
  status text,
  account_type text,
  daily_limit integer,
  warmup_enabled boolean,
  emails_sent_count integer,
  total_replied_count integer,
  unique_replied_count integer,
  total_opened_count integer,
  unique_opened_count integer,
  bounced_count integer,
  unsubscribed_count integer,
  interested_leads_count integer,
  total_leads_contacted_count integer,
  tags text[],
  vendor_created_at timestamp with time zone,
  vendor_updated_at timestamp with time zone,
  reply_rate_percentage numeric generated,
  email_provider text generated,
  reseller text generated,
  domain text generated,
  mailboxes_on_domain integer,
  price_override numeric,
  price numeric generated,
  price_source text generated,
  pricing_needs_review boolean generated,
  volume_override integer,
  volume_per_account integer generated,
  notes text,
  extra jsonb not null default '{}'::jsonb,
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamp with time zone not null default now(),
  created_at timestamp with time zone not null default now()
) row level security with (fillfactor=85);
table public.slack_notifications_sent (
  id bigint not null,
  reply_id text not null,
  notification_type text not null,
  workspace_name text,
  sent_at timestamp with time zone not null default now()
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
) row level security with (fillfactor=85);
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
table public.system_health_checks (
  check_name text not null,
  checked_at timestamp with time zone not null,
  severity text not null,
  value numeric,
  unit text not null,
  detail text not null,
  workspaces jsonb not null default '[]'::jsonb,
  figures jsonb not null default '{}'::jsonb
) row level security;
table public.user_workspace_access (
  user_id uuid not null,
  workspace_name text not null,
  role text not null default 'client'::text,
  created_at timestamp with time zone not null default now()
) row level security;
view public.vendor_drift (
  scope text collate "C",
  workspace_name text,
  metric_date date,
  period text,
  polled_at timestamp with time zone,
  metric text,
  vendor integer,
  ours integer,
  drift integer,
  drift_percentage numeric,
  within_tolerance boolean
) with (security_invoker=true);
table public.vendor_metrics (
  scope text collate "C" not null,
  workspace_name text,
  metric_date date not null,
  period text not null,
  emails_sent integer,
  opened integer,
  unique_opens integer,
  replied integer,
  unique_replies integer,
  bounced integer,
  unsubscribed integer,
  interested integer,
  total_leads_contacted integer,
  emails_scheduled_today integer,
  emails_scheduled_tomorrow integer,
  polled_at timestamp with time zone not null
) row level security;
view public.webhook_delivery_log (
  id bigint,
  event_type text,
  workspace_name text,
  scope text,
  payload jsonb,
  status text,
  success boolean,
  outcome text,
  error_message text,
  processing_time_ms integer,
  via text,
  deliveries integer,
  retry_count integer,
  received_at timestamp with time zone,
  created_at timestamp with time zone
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
view public.webhook_health (
  scope text collate "C",
  workspace_name text,
  last_webhook_at timestamp with time zone,
  last_poll_at timestamp with time zone,
  webhook_count_24h integer,
  poll_count_24h integer,
  success_rate_24h numeric,
  health_status text,
  is_healthy boolean,
  log_found bigint,
  log_missed bigint,
  log_checked_at timestamp with time zone,
  last_alert_at timestamp with time zone,
  last_error_message text,
  updated_at timestamp with time zone
) with (security_invoker=true);
table public.workspace_api_health (
  scope text collate "C" not null,
  workspace_name text not null,
  api_health_status text,
  api_consecutive_failures integer not null,
  api_calls_today integer not null,
  api_errors_today integer not null,
  api_last_success_at timestamp with time zone,
  api_last_failure_at timestamp with time zone,
  api_last_error text,
  checked_at timestamp with time zone not null
) row level security;

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
lockstep.inbox_events: inbox_pkey PRIMARY KEY (id)
lockstep.inbox_events: inbox_via_check CHECK ((via = ANY (ARRAY['webhook'::text, 'log'::text])))
lockstep.inbox_outcomes: inbox_outcomes_pkey PRIMARY KEY (id)
lockstep.inbox_outcomes: inbox_outcomes_status_check CHECK ((status = ANY (ARRAY['processed'::text, 'dead'::text])))
lockstep.inbox_queue: inbox_queue_pkey PRIMARY KEY (app, id)
lockstep.leases: leases_pkey PRIMARY KEY (name)
lockstep.migrations: migrations_pkey PRIMARY KEY (id)
lockstep.notifications: notifications_check CHECK (((status <> 'pending'::text) OR (body IS NOT NULL)))
lockstep.notifications: notifications_pkey PRIMARY KEY (id)
lockstep.notifications: notifications_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'sent'::text, 'dead'::text, 'skipped'::text])))
lockstep.pass_keys: pass_keys_run_id_fkey1 FOREIGN KEY (run_id) REFERENCES lockstep.runs(id) ON DELETE CASCADE
lockstep.refetch: refetch_pkey PRIMARY KEY (app, stream, part, key)
lockstep.runs: runs_pkey PRIMARY KEY (id)
lockstep.runs: runs_status_check CHECK ((status = ANY (ARRAY['running'::text, 'completed'::text, 'partial'::text, 'failed'::text])))
lockstep.settings: settings_pkey PRIMARY KEY (key)
lockstep.source_state: source_state_pkey PRIMARY KEY (app, kind, key)
lockstep.tombstones: tombstones_pkey PRIMARY KEY (table_name, key)
lockstep.vendor_accounts: vendor_accounts_pkey PRIMARY KEY (app, account)
lockstep.vendor_calls: vendor_calls_pkey PRIMARY KEY (app, account, slot)
lockstep.webhook_suspects: webhook_suspects_pkey PRIMARY KEY (app, stream, key)
lockstep.webhook_watch: webhook_watch_pkey PRIMARY KEY (app, stream)
portal.cache_marks: cache_marks_pkey PRIMARY KEY (xact, topic, scope)
portal.lead_ids: lead_ids_pkey PRIMARY KEY (scope, lead_id)
portal.mailbox_marks: mailbox_marks_pkey PRIMARY KEY (snapshot_date, account)
portal.mailbox_rules: mailbox_rules_one_row_check CHECK (one_row)
portal.mailbox_rules: mailbox_rules_pkey PRIMARY KEY (one_row)
portal.metric_names: metric_names_pkey PRIMARY KEY (metric)
portal.provider_groups: provider_groups_pkey PRIMARY KEY (email_provider)
portal.reconciliations: reconciliations_outcome_check CHECK ((outcome = ANY (ARRAY['mended'::text, 'differs'::text, 'failed'::text])))
portal.reconciliations: reconciliations_pkey PRIMARY KEY (id)
portal.scopes: scopes_pkey PRIMARY KEY (scope)
portal.scopes: scopes_workspace_name_key UNIQUE (workspace_name) DEFERRABLE
portal.settings: settings_one_row_check CHECK (one_row)
portal.settings: settings_pkey PRIMARY KEY (one_row)
public.campaigns: campaigns_bison_instance_check CHECK ((bison_instance = lower(bison_instance)))
public.campaigns: campaigns_bison_key_key UNIQUE (bison_key)
public.campaigns: campaigns_pkey PRIMARY KEY (id)
public.client_costs: client_costs_month_year_check CHECK ((month_year ~ '^\d{4}-(0[1-9]|1[0-2])$'::text))
public.client_costs: client_costs_workspace_name_month_year_key UNIQUE (workspace_name, month_year) DEFERRABLE
public.client_leads: client_leads_delivery_state_check CHECK ((delivery_state = ANY (ARRAY['ok'::text, 'bounced'::text, 'unsubscribed'::text])))
public.client_leads: client_leads_human_stage_check CHECK (((human_stage IS NULL) OR (portal.stage_rank(human_stage) IS NOT NULL)))
public.client_leads: client_leads_lead_email_check CHECK (((lead_email = lower(btrim(lead_email))) AND (lead_email <> ''::text)))
public.client_leads: client_leads_lead_email_workspace_name_key UNIQUE (lead_email, workspace_name) DEFERRABLE
public.client_leads: client_leads_machine_stage_check CHECK ((machine_stage = ANY (ARRAY['new'::text, 'replied'::text, 'interested'::text])))
public.client_leads: client_leads_pipeline_stage_check CHECK ((portal.stage_rank(pipeline_stage) IS NOT NULL))
public.client_leads: client_leads_pkey PRIMARY KEY (id)
public.client_leads: client_leads_policy_type_check CHECK ((policy_type = ANY (ARRAY['Auto'::text, 'Home'::text, 'Life'::text, 'Commercial'::text, 'Health'::text, 'Umbrella'::text, 'Other'::text])))
public.client_leads: client_leads_premium_amount_check CHECK ((premium_amount >= (0)::numeric))
public.client_leads: client_leads_scope_lead_email_key UNIQUE (scope, lead_email)
public.client_leads: client_leads_won CHECK (((pipeline_stage <> 'won'::text) OR ((premium_amount IS NOT NULL) AND (policy_type IS NOT NULL))))
public.client_metrics: client_metrics_metric_type_check CHECK ((metric_type = ANY (ARRAY['daily'::text, 'monthly'::text, 'mtd'::text])))
public.client_metrics: client_metrics_pkey PRIMARY KEY (id)
public.client_metrics: client_metrics_scope_metric_date_metric_type_key UNIQUE (scope, metric_date, metric_type)
public.client_metrics: client_metrics_update_source_check CHECK ((update_source = ANY (ARRAY['webhook'::text, 'poll'::text, 'manual'::text])))
public.client_metrics: client_metrics_workspace_name_metric_date_metric_type_key UNIQUE (workspace_name, metric_date, metric_type) DEFERRABLE
public.client_registry: client_registry_billing_type_check CHECK ((billing_type = ANY (ARRAY['per_lead'::text, 'retainer'::text])))
public.client_registry: client_registry_bison_instance_check CHECK ((bison_instance = lower(bison_instance)))
public.client_registry: client_registry_bison_key_key UNIQUE (bison_key)
public.client_registry: client_registry_daily_sending_target_check CHECK ((daily_sending_target >= 0))
public.client_registry: client_registry_monthly_kpi_target_check CHECK ((monthly_kpi_target >= 0))
public.client_registry: client_registry_monthly_sending_target_check CHECK ((monthly_sending_target >= 0))
public.client_registry: client_registry_price_per_lead_check CHECK ((price_per_lead >= (0)::numeric))
public.client_registry: client_registry_retainer_amount_check CHECK ((retainer_amount >= (0)::numeric))
public.client_registry: client_registry_workspace_name_key UNIQUE (workspace_name) DEFERRABLE
public.data_cache_metadata: data_cache_metadata_pkey PRIMARY KEY (cache_key)
public.email_daily_counts: email_daily_counts_pkey PRIMARY KEY (scope, business_date, event_type)
public.email_events: email_events_pkey PRIMARY KEY (event_key)
public.email_events: email_events_source_check CHECK ((source = ANY (ARRAY['event'::text, 'poll'::text, 'adjustment'::text])))
public.function_call_logs: function_call_logs_calls_check CHECK ((calls > 0))
public.function_call_logs: function_call_logs_pkey PRIMARY KEY (id)
public.hidden_items: hidden_items_monday_id_key UNIQUE (monday_id)
public.hidden_items: hidden_items_pkey PRIMARY KEY (id)
public.lead_replies: lead_replies_bison_instance_check CHECK ((bison_instance = lower(bison_instance)))
public.lead_replies: lead_replies_bison_key_key UNIQUE (bison_key)
public.lead_replies: lead_replies_pkey PRIMARY KEY (id)
public.pipeline_stage_history: pipeline_stage_history_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['machine'::text, 'human'::text])))
public.pipeline_stage_history: pipeline_stage_history_lead_id_fkey FOREIGN KEY (lead_id) REFERENCES client_leads(id) ON DELETE CASCADE
public.pipeline_stage_history: pipeline_stage_history_pkey PRIMARY KEY (id)
public.projects: projects_gestation_period_check CHECK (((gestation_period >= 0) AND (gestation_period <= 500000)))
public.projects: projects_monday_id_key UNIQUE (monday_id)
public.projects: projects_pkey PRIMARY KEY (id)
public.projects: projects_probability_percent_check CHECK (((probability_percent >= 0) AND (probability_percent <= 100)))
public.provider_performance_history: provider_performance_history_email_provider_bison_instance__key UNIQUE (email_provider, bison_instance, snapshot_date)
public.sender_emails_cache: sender_emails_cache_bison_instance_check CHECK ((bison_instance = lower(bison_instance)))
public.sender_emails_cache: sender_emails_cache_bison_key_key UNIQUE (bison_key)
public.sender_emails_cache: sender_emails_cache_pkey PRIMARY KEY (id)
public.sender_emails_cache: sender_emails_cache_price_override_check CHECK ((price_override >= (0)::numeric))
public.sender_emails_cache: sender_emails_cache_volume_override_check CHECK ((volume_override >= 0))
public.slack_notifications_sent: slack_notifications_sent_notification_type_check CHECK ((notification_type = ANY (ARRAY['client'::text, 'global'::text])))
public.slack_notifications_sent: slack_notifications_sent_pkey PRIMARY KEY (id)
public.slack_notifications_sent: slack_notifications_sent_reply_id_notification_type_key UNIQUE (reply_id, notification_type)
public.subitems: subitems_monday_id_key UNIQUE (monday_id)
public.subitems: subitems_pkey PRIMARY KEY (id)
public.system_health_checks: system_health_checks_pkey PRIMARY KEY (check_name, checked_at)
public.system_health_checks: system_health_checks_severity_check CHECK ((severity = ANY (ARRAY['ok'::text, 'warning'::text, 'critical'::text])))
public.user_workspace_access: user_workspace_access_role_check CHECK ((role = ANY (ARRAY['client'::text, 'admin'::text, 'viewer'::text])))
public.user_workspace_access: user_workspace_access_user_id_workspace_name_key UNIQUE (user_id, workspace_name) DEFERRABLE
public.vendor_metrics: vendor_metrics_period_check CHECK ((period = ANY (ARRAY['day'::text, 'mtd'::text])))
public.vendor_metrics: vendor_metrics_pkey PRIMARY KEY (scope, metric_date, period)
public.workspace_api_health: workspace_api_health_api_health_status_check CHECK ((api_health_status = ANY (ARRAY['healthy'::text, 'degraded'::text, 'failing'::text, 'no_key'::text])))
public.workspace_api_health: workspace_api_health_pkey PRIMARY KEY (scope)

-- indexes

CREATE INDEX alerts_latest ON lockstep.alerts USING btree (app, stream, condition, id DESC)
CREATE INDEX alerts_recent ON lockstep.alerts USING btree (app, opened_at DESC)
CREATE INDEX campaigns_name ON public.campaigns USING btree (workspace_name, campaign_name)
CREATE INDEX campaigns_workspace ON public.campaigns USING btree (bison_instance, bison_workspace_id)
CREATE INDEX client_leads_bison ON public.client_leads USING btree (scope, bison_lead_id)
CREATE INDEX client_leads_board ON public.client_leads USING btree (workspace_name, date_received DESC) WHERE (deleted_at IS NULL)
CREATE INDEX client_leads_interested ON public.client_leads USING btree (scope, interested_at) WHERE (interested AND (deleted_at IS NULL))
CREATE INDEX data_cache_metadata_expires ON public.data_cache_metadata USING btree (expires_at)
CREATE INDEX data_cache_metadata_workspace ON public.data_cache_metadata USING btree (workspace_name)
CREATE INDEX drift_latest ON lockstep.drift USING btree (app, stream, verified_at DESC)
CREATE INDEX email_events_automated ON public.email_events USING btree (scope, campaign_id) WHERE is_automated
CREATE INDEX email_events_counted ON public.email_events USING btree (scope, business_date, event_type)
CREATE INDEX email_events_lead ON public.email_events USING btree (scope, lead_id) WHERE ((event_type = ANY (ARRAY['lead_replied'::text, 'lead_interested'::text, 'lead_unsubscribed'::text, 'email_bounced'::text])) AND (lead_id IS NOT NULL))
CREATE INDEX email_events_person ON public.email_events USING btree (scope, person) WHERE (person IS NOT NULL)
CREATE INDEX function_call_logs_recent ON public.function_call_logs USING btree (called_at DESC, function_name)
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
CREATE INDEX inbox_dead ON lockstep.inbox_outcomes USING btree (app, id) WHERE (status = 'dead'::text)
CREATE INDEX inbox_received ON lockstep.inbox_events USING btree (received_at)
CREATE INDEX lead_ids_person ON portal.lead_ids USING btree (scope, person)
CREATE INDEX lead_replies_interested ON public.lead_replies USING btree (workspace_name, reply_date DESC) WHERE is_interested
CREATE INDEX lead_replies_lead ON public.lead_replies USING btree (bison_instance, bison_workspace_id, bison_lead_id)
CREATE INDEX lead_replies_recent ON public.lead_replies USING btree (workspace_name, reply_date DESC)
CREATE INDEX lead_replies_reply ON public.lead_replies USING btree (bison_reply_id)
CREATE INDEX lead_replies_workspace ON public.lead_replies USING btree (bison_instance, bison_workspace_id, bison_campaign_id)
CREATE INDEX notifications_pending ON lockstep.notifications USING btree (purpose, send_after, id) WHERE (status = 'pending'::text)
CREATE INDEX notifications_recent ON lockstep.notifications USING btree (created_at)
CREATE INDEX notifications_sent ON lockstep.notifications USING btree (purpose, sent_at) WHERE (sent_at IS NOT NULL)
CREATE INDEX pass_keys_run ON lockstep.pass_keys USING btree (run_id)
CREATE INDEX pipeline_stage_history_lead ON public.pipeline_stage_history USING btree (lead_id, changed_at DESC)
CREATE INDEX pipeline_stage_history_workspace ON public.pipeline_stage_history USING btree (workspace_name, changed_at DESC)
CREATE INDEX reconciliations_latest ON portal.reconciliations USING btree (scope, started_at DESC)
CREATE INDEX refetch_oldest ON lockstep.refetch USING btree (app, seq)
CREATE INDEX refetch_order ON lockstep.refetch USING btree (app, stream, part, seq)
CREATE INDEX runs_recent ON lockstep.runs USING btree (app, lane, stream, started_at DESC)
CREATE INDEX runs_running ON lockstep.runs USING btree (heartbeat_at) WHERE (status = 'running'::text)
CREATE INDEX sender_emails_cache_domain ON public.sender_emails_cache USING btree (domain, bison_key)
CREATE INDEX sender_emails_cache_name ON public.sender_emails_cache USING btree (workspace_name, email_address)
CREATE INDEX sender_emails_cache_workspace ON public.sender_emails_cache USING btree (bison_instance, bison_workspace_id)
CREATE INDEX system_health_checks_recent ON public.system_health_checks USING btree (checked_at DESC)
CREATE INDEX tombstones_parent ON lockstep.tombstones USING btree (table_name, parent) WHERE (parent IS NOT NULL)
CREATE INDEX vendor_calls_recent ON lockstep.vendor_calls USING btree (slot)
CREATE INDEX vendor_metrics_name ON public.vendor_metrics USING btree (workspace_name, metric_date)
CREATE UNIQUE INDEX alerts_open ON lockstep.alerts USING btree (app, stream, condition) WHERE (closed_at IS NULL)
CREATE UNIQUE INDEX client_leads_airtable ON public.client_leads USING btree (airtable_id) WHERE (airtable_id IS NOT NULL)
CREATE UNIQUE INDEX client_registry_scope ON public.client_registry USING btree (scope)
CREATE UNIQUE INDEX conversion_metrics_key ON public.conversion_metrics USING btree (account, type, category, product_type, product_key)
CREATE UNIQUE INDEX conversion_metrics_recent_key ON public.conversion_metrics_recent USING btree (account, type, category, product_type, product_key)
CREATE UNIQUE INDEX inbox_dedupe ON lockstep.inbox_events USING btree (app, dedupe_key)
CREATE UNIQUE INDEX notifications_once ON lockstep.notifications USING btree (app, purpose, dedupe_key)

-- sequences

lockstep.alerts_id_seq
lockstep.arrival
lockstep.notifications_id_seq
lockstep.refetch_seq
portal.reconciliations_id_seq
public.function_call_logs_id_seq
public.pipeline_stage_history_id_seq
public.slack_notifications_sent_id_seq

-- triggers

CREATE TRIGGER cache_mark_delete AFTER DELETE ON portal.provider_groups REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_all('mailboxes')
CREATE TRIGGER cache_mark_delete AFTER DELETE ON portal.scopes REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('settings')
CREATE TRIGGER cache_mark_delete AFTER DELETE ON portal.settings REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_all('settings')
CREATE TRIGGER cache_mark_delete AFTER DELETE ON public.campaigns REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_workspaces('campaigns')
CREATE TRIGGER cache_mark_delete AFTER DELETE ON public.client_costs REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_all('settings')
CREATE TRIGGER cache_mark_delete AFTER DELETE ON public.client_leads REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('leads')
CREATE TRIGGER cache_mark_delete AFTER DELETE ON public.client_metrics REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('metrics')
CREATE TRIGGER cache_mark_delete AFTER DELETE ON public.client_registry REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('settings')
CREATE TRIGGER cache_mark_delete AFTER DELETE ON public.email_daily_counts REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('counts')
CREATE TRIGGER cache_mark_delete AFTER DELETE ON public.lead_replies REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_workspaces('replies')
CREATE TRIGGER cache_mark_delete AFTER DELETE ON public.provider_performance_history REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_all('providers')
CREATE TRIGGER cache_mark_delete AFTER DELETE ON public.sender_emails_cache REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_workspaces('mailboxes')
CREATE TRIGGER cache_mark_delete AFTER DELETE ON public.vendor_metrics REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('vendor')
CREATE TRIGGER cache_mark_insert AFTER INSERT ON portal.provider_groups REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_all('mailboxes')
CREATE TRIGGER cache_mark_insert AFTER INSERT ON portal.scopes REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('settings')
CREATE TRIGGER cache_mark_insert AFTER INSERT ON portal.settings REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_all('settings')
CREATE TRIGGER cache_mark_insert AFTER INSERT ON public.campaigns REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_workspaces('campaigns')
CREATE TRIGGER cache_mark_insert AFTER INSERT ON public.client_costs REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_all('settings')
CREATE TRIGGER cache_mark_insert AFTER INSERT ON public.client_leads REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('leads')
CREATE TRIGGER cache_mark_insert AFTER INSERT ON public.client_metrics REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('metrics')
CREATE TRIGGER cache_mark_insert AFTER INSERT ON public.client_registry REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('settings')
CREATE TRIGGER cache_mark_insert AFTER INSERT ON public.email_daily_counts REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('counts')
CREATE TRIGGER cache_mark_insert AFTER INSERT ON public.lead_replies REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_workspaces('replies')
CREATE TRIGGER cache_mark_insert AFTER INSERT ON public.provider_performance_history REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_all('providers')
CREATE TRIGGER cache_mark_insert AFTER INSERT ON public.sender_emails_cache REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_workspaces('mailboxes')
CREATE TRIGGER cache_mark_insert AFTER INSERT ON public.vendor_metrics REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('vendor')
CREATE TRIGGER cache_mark_update AFTER UPDATE ON portal.provider_groups REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_all('mailboxes')
CREATE TRIGGER cache_mark_update AFTER UPDATE ON portal.scopes REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('settings')
CREATE TRIGGER cache_mark_update AFTER UPDATE ON portal.settings REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_all('settings')
CREATE TRIGGER cache_mark_update AFTER UPDATE ON public.campaigns REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_workspaces('campaigns')
CREATE TRIGGER cache_mark_update AFTER UPDATE ON public.client_costs REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_all('settings')
CREATE TRIGGER cache_mark_update AFTER UPDATE ON public.client_leads REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('leads')
CREATE TRIGGER cache_mark_update AFTER UPDATE ON public.client_metrics REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('metrics')
CREATE TRIGGER cache_mark_update AFTER UPDATE ON public.client_registry REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('settings')
CREATE TRIGGER cache_mark_update AFTER UPDATE ON public.email_daily_counts REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('counts')
CREATE TRIGGER cache_mark_update AFTER UPDATE ON public.lead_replies REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_workspaces('replies')
CREATE TRIGGER cache_mark_update AFTER UPDATE ON public.provider_performance_history REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_all('providers')
CREATE TRIGGER cache_mark_update AFTER UPDATE ON public.sender_emails_cache REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_workspaces('mailboxes')
CREATE TRIGGER cache_mark_update AFTER UPDATE ON public.vendor_metrics REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION portal.mark_scopes('vendor')
CREATE TRIGGER client_leads_added AFTER INSERT ON public.client_leads FOR EACH ROW EXECUTE FUNCTION portal.note_stage()
CREATE TRIGGER client_leads_moved AFTER UPDATE ON public.client_leads FOR EACH ROW WHEN ((old.pipeline_stage IS DISTINCT FROM new.pipeline_stage)) EXECUTE FUNCTION portal.note_stage()
CREATE TRIGGER client_leads_settle BEFORE INSERT OR UPDATE ON public.client_leads FOR EACH ROW EXECUTE FUNCTION portal.settle_lead()
CREATE TRIGGER client_registry_target AFTER UPDATE ON public.client_registry FOR EACH ROW WHEN ((old.monthly_kpi_target IS DISTINCT FROM new.monthly_kpi_target)) EXECUTE FUNCTION portal.follow_target()
CREATE TRIGGER hidden_items_touch BEFORE UPDATE ON public.hidden_items FOR EACH ROW WHEN ((old.last_synced_at IS DISTINCT FROM new.last_synced_at)) EXECUTE FUNCTION datacube.touch()
CREATE TRIGGER projects_touch BEFORE UPDATE ON public.projects FOR EACH ROW WHEN (((old.last_synced_at IS DISTINCT FROM new.last_synced_at) OR (((((((((((((((((((old.display_name IS DISTINCT FROM new.display_name) OR (old.status_category IS DISTINCT FROM new.status_category)) OR (old.account IS DISTINCT FROM new.account)) OR (old.product_type IS DISTINCT FROM new.product_type)) OR (old.product_key IS DISTINCT FROM new.product_key)) OR (old.new_enquiry_value IS DISTINCT FROM new.new_enquiry_value)) OR (old.value_band IS DISTINCT FROM new.value_band)) OR (old.gestation_period IS DISTINCT FROM new.gestation_period)) OR (old.overall_project_value IS DISTINCT FROM new.overall_project_value)) OR (old.project_value IS DISTINCT FROM new.project_value)) OR (old.weighted_pipeline IS DISTINCT FROM new.weighted_pipeline)) OR (old.probability_percent IS DISTINCT FROM new.probability_percent)) OR (old.total_order_value IS DISTINCT FROM new.total_order_value)) OR (old.total_amount_invoiced IS DISTINCT FROM new.total_amount_invoiced)) OR (old.date_order_received IS DISTINCT FROM new.date_order_received)) OR (old.first_date_designed IS DISTINCT FROM new.first_date_designed)) OR (old.last_date_designed IS DISTINCT FROM new.last_date_designed)) OR (old.first_date_invoiced IS DISTINCT FROM new.first_date_invoiced)) OR (old.last_date_invoiced IS DISTINCT FROM new.last_date_invoiced)))) EXECUTE FUNCTION datacube.touch()
CREATE TRIGGER subitems_touch BEFORE UPDATE ON public.subitems FOR EACH ROW WHEN (((old.last_synced_at IS DISTINCT FROM new.last_synced_at) OR (((((((((((((((((((((((((((((((((((((old.hidden_item_id IS DISTINCT FROM new.hidden_item_id) OR (old.account IS DISTINCT FROM new.account)) OR (old.product_type IS DISTINCT FROM new.product_type)) OR (old.new_enquiry_value IS DISTINCT FROM new.new_enquiry_value)) OR (old.reason_for_change IS DISTINCT FROM new.reason_for_change)) OR (old.date_received IS DISTINCT FROM new.date_received)) OR (old.date_design_completed IS DISTINCT FROM new.date_design_completed)) OR (old.designer IS DISTINCT FROM new.designer)) OR (old.time_taken IS DISTINCT FROM new.time_taken)) OR (old.surveyor IS DISTINCT FROM new.surveyor)) OR (old.area IS DISTINCT FROM new.area)) OR (old.fall IS DISTINCT FROM new.fall)) OR (old.min_thickness IS DISTINCT FROM new.min_thickness)) OR (old.max_thickness IS DISTINCT FROM new.max_thickness)) OR (old.u_value IS DISTINCT FROM new.u_value)) OR (old.min_u_value IS DISTINCT FROM new.min_u_value)) OR (old.deck_type IS DISTINCT FROM new.deck_type)) OR (old.layering IS DISTINCT FROM new.layering)) OR (old.quote_amount IS DISTINCT FROM new.quote_amount)) OR (old.m2_rate IS DISTINCT FROM new.m2_rate)) OR (old.material_value IS DISTINCT FROM new.material_value)) OR (old.transport_cost IS DISTINCT FROM new.transport_cost)) OR (old.order_status IS DISTINCT FROM new.order_status)) OR (old.date_order_received IS DISTINCT FROM new.date_order_received)) OR (old.cust_order_value_material IS DISTINCT FROM new.cust_order_value_material)) OR (old.customer_po IS DISTINCT FROM new.customer_po)) OR (old.supplier1 IS DISTINCT FROM new.supplier1)) OR (old.supplier2 IS DISTINCT FROM new.supplier2)) OR (old.requested_delivery_date IS DISTINCT FROM new.requested_delivery_date)) OR (old.final_delivery_date IS DISTINCT FROM new.final_delivery_date)) OR (old.delivery_address IS DISTINCT FROM new.delivery_address)) OR (old.invoice_number IS DISTINCT FROM new.invoice_number)) OR (old.invoice_date IS DISTINCT FROM new.invoice_date)) OR (old.amount_invoiced IS DISTINCT FROM new.amount_invoiced)) OR (old.date_quoted IS DISTINCT FROM new.date_quoted)) OR (old.date_project_won IS DISTINCT FROM new.date_project_won)) OR (old.date_project_closed IS DISTINCT FROM new.date_project_closed)))) EXECUTE FUNCTION datacube.touch()

-- policies

clients on public.campaigns for SELECT to authenticated
clients on public.client_leads for SELECT to authenticated
clients on public.client_metrics for SELECT to authenticated
clients on public.email_daily_counts for SELECT to authenticated
clients on public.email_events for SELECT to authenticated
clients on public.lead_replies for SELECT to authenticated
clients on public.pipeline_stage_history for SELECT to authenticated
own on public.user_workspace_access for SELECT to authenticated
readers on portal.mailbox_rules for SELECT to authenticated
readers on portal.provider_groups for SELECT to authenticated
readers on portal.scopes for SELECT to authenticated
readers on portal.settings for SELECT to authenticated
readers on public.hidden_items for SELECT to authenticated
readers on public.projects for SELECT to authenticated
readers on public.subitems for SELECT to authenticated
service on portal.cache_marks for ALL to service_role
service on portal.lead_ids for ALL to service_role
service on portal.mailbox_marks for ALL to service_role
service on portal.mailbox_rules for ALL to service_role
service on portal.metric_names for ALL to service_role
service on portal.provider_groups for ALL to service_role
service on portal.reconciliations for ALL to service_role
service on portal.scopes for ALL to service_role
service on portal.settings for ALL to service_role
service on public.campaigns for ALL to service_role
service on public.client_costs for ALL to service_role
service on public.client_leads for ALL to service_role
service on public.client_metrics for ALL to service_role
service on public.client_registry for ALL to service_role
service on public.data_cache_metadata for ALL to service_role
service on public.email_daily_counts for ALL to service_role
service on public.email_events for ALL to service_role
service on public.function_call_logs for ALL to service_role
service on public.hidden_items for ALL to service_role
service on public.lead_replies for ALL to service_role
service on public.pipeline_stage_history for ALL to service_role
service on public.projects for ALL to service_role
service on public.provider_performance_history for ALL to service_role
service on public.sender_emails_cache for ALL to service_role
service on public.slack_notifications_sent for ALL to service_role
service on public.subitems for ALL to service_role
service on public.system_health_checks for ALL to service_role
service on public.user_workspace_access for ALL to service_role
service on public.vendor_metrics for ALL to service_role
service on public.workspace_api_health for ALL to service_role
staff on public.campaigns for SELECT to authenticated
staff on public.client_costs for SELECT to authenticated
staff on public.client_leads for SELECT to authenticated
staff on public.client_metrics for SELECT to authenticated
staff on public.client_registry for SELECT to authenticated
staff on public.data_cache_metadata for SELECT to authenticated
staff on public.email_daily_counts for SELECT to authenticated
staff on public.email_events for SELECT to authenticated
staff on public.function_call_logs for SELECT to authenticated
staff on public.lead_replies for SELECT to authenticated
staff on public.pipeline_stage_history for SELECT to authenticated
staff on public.provider_performance_history for SELECT to authenticated
staff on public.sender_emails_cache for SELECT to authenticated
staff on public.slack_notifications_sent for SELECT to authenticated
staff on public.system_health_checks for SELECT to authenticated
staff on public.user_workspace_access for SELECT to authenticated
staff on public.vendor_metrics for SELECT to authenticated
staff on public.workspace_api_health for SELECT to authenticated

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

lockstep.add_counts(a integer[], b integer[]) returns integer[] language sql immutable

  select coalesce(array_agg(coalesce(x, 0) + coalesce(y, 0) order by n), '{}')
  from unnest(a, b) with ordinality as t (x, y, n)

lockstep.body_json(body bytea) returns jsonb language plpgsql immutable

begin
  return convert_from(body, 'UTF8')::jsonb;
exception when others then
  return null;
end
lockstep.keep_deliveries(apps text[], keys text[], types text[], streams text[], entities text[], ips text[], header_sets text[], bodies bytea[], plains text[], counts text[], vias text[]) returns TABLE(id bigint, app text, dedupe_key text, fresh boolean) language plpgsql volatile

#variable_conflict use_column
begin
  return query
  with kept as (
    insert into lockstep.inbox_events as i
      (app, dedupe_key, event_type, stream, entity, client_ip, headers, body, plain, deliveries, via)
    select d.app, d.key, d.type, d.stream, d.entity, d.ip, d.headers::json, d.body, d.plain::boolean, d.n::integer, d.via
    from unnest(apps, keys, types, streams, entities, ips, header_sets, bodies, plains, counts, vias)
      as d (app, key, type, stream, entity, ip, headers, body, plain, n, via)
    on conflict (app, dedupe_key) do update
      set deliveries = i.deliveries + excluded.deliveries, last_delivery_at = clock_timestamp()
      where excluded.deliveries > 0
    returning i.id, i.app, i.dedupe_key, i.xmax = 0 as fresh, octet_length(i.body) as bytes
  ), queued as (
    insert into lockstep.inbox_queue (app, id, bytes) select k.app, k.id, k.bytes from kept as k where k.fresh
  )
  select k.id, k.app, k.dedupe_key, k.fresh from kept as k;
end

lockstep.pick(object jsonb, keys text[]) returns jsonb language sql immutable

  select coalesce(jsonb_object_agg(e.key, e.value), '{}') from jsonb_each(object) as e where e.key = any (keys)

portal.check_edits(changes jsonb) returns void language plpgsql immutable

declare
  unknown text;
begin
  select string_agg(k, ', ') into unknown from jsonb_object_keys(changes) as k
  where k <> all (array['first_name', 'last_name', 'phone', 'address', 'city', 'state', 'zip', 'title', 'company',
    'renewal', 'birthday']);
  if unknown is not null then raise exception 'no contact field: %', unknown using errcode = '22023'; end if;
end

portal.check_stage(stage text) returns void language plpgsql immutable

begin
  if portal.stage_rank(stage) is null then
    raise exception 'there is no stage "%"', stage using errcode = '22023',
      hint = 'One of: new, replied, interested, quoting, follow-up, won, lost, unsubscribed, bounced';
  end if;
end

portal.count_interest(p_scopes text[], p_persons text[]) returns TABLE(scope text, day date) language sql volatile

  with ranked as (
    select e.event_key, e.amount, (row_number() over (
      partition by e.scope, e.person order by e.source = 'event' desc, e.at, e.event_key) = 1)::integer as due
    from unnest(p_scopes, p_persons) as t (scope, person)
    cross join lateral (
      select * from public.email_events
      where scope = t.scope collate "C" and person = t.person collate "C" and person is not null offset 0
    ) as e
    where e.event_type = 'lead_interested' and e.source <> 'adjustment'
  ),
  written as (
    update public.email_events as e set amount = r.due
    from ranked as r where e.event_key = r.event_key and r.amount <> r.due
    returning e.scope, e.business_date
  )
  select distinct w.scope, w.business_date from written as w

portal.days_in_month(day date) returns integer language sql immutable

  select portal.next_month(day) - portal.month_start(day)

portal.figures_until(moment timestamp with time zone) returns timestamp with time zone language sql stable

  select least(moment + interval '1 minute',
    public.business_day_start(public.business_date(moment) + 1) - interval '1 microsecond')

portal.follow_renames(p_old text[], p_new text[]) returns void language sql volatile

  update public.user_workspace_access as t set workspace_name = r.new
    from unnest(p_old, p_new) as r (old, new) where t.workspace_name = r.old;
  update public.client_costs as t set workspace_name = r.new
    from unnest(p_old, p_new) as r (old, new) where t.workspace_name = r.old;
  update public.slack_notifications_sent as t set workspace_name = r.new
    from unnest(p_old, p_new) as r (old, new) where t.workspace_name = r.old;
  update public.data_cache_metadata as t set workspace_name = r.new
    from unnest(p_old, p_new) as r (old, new) where t.workspace_name = r.old;

portal.follow_target() returns trigger language plpgsql volatile

begin
  perform portal.lock_ledger();
  perform portal.refresh_metrics(array[new.scope], array[m.day]) from (
    select min(metric_date) as day from public.client_metrics
    where scope = new.scope and metric_type = 'mtd' and metric_date >= portal.month_start(public.business_date())
  ) as m where m.day is not null;
  return null;
end

portal.happened_at(payload jsonb) returns timestamp with time zone language sql stable

  select coalesce(portal.moment(payload #>> '{data,campaign_event,created_at}'),
    portal.moment(payload #>> '{data,reply,created_at}'), portal.moment(payload #>> '{data,scheduled_email,sent_at}'),
    portal.moment(payload #>> '{data,sender_email,updated_at}'))

portal.identify_leads(p_keys text[]) returns TABLE(scope text, lead_id bigint, old text, new text) language sql volatile

  with events as (
    select e.scope, e.lead_id, e.person
    from unnest(p_keys) as k (key)
    cross join lateral (
      select * from public.email_events where event_key = k.key collate "C" offset 0
    ) as e
    where e.event_type in ('lead_replied', 'lead_interested', 'lead_unsubscribed', 'email_bounced')
  ),
  ids as (
    select scope, lead_id from events where lead_id is not null
    -- What is told takes the place of what was read, and may name another lead, or none: whoever the event was of
    -- until now goes by what is left.
    union select i.scope, i.lead_id
    from events as e
    cross join lateral (
      select * from portal.lead_ids where scope = e.scope and person = e.person offset 0
    ) as i
    where e.person is not null
  ),
  news as (
    select i.scope, i.lead_id, k.person as old, coalesce(n.lead_email, '#' || i.lead_id) as new
    from ids as i
    left join portal.lead_ids as k on (k.scope, k.lead_id) = (i.scope, i.lead_id)
    left join lateral (
      select e.lead_email from public.email_events as e
      where (e.scope, e.lead_id) = (i.scope, i.lead_id) and e.lead_email is not null and not e.is_left_out
        and e.event_type in ('lead_replied', 'lead_interested', 'lead_unsubscribed', 'email_bounced')
      order by e.source = 'event' desc, case when e.source = 'event' then e.at end desc, e.at, e.event_key
      limit 1
    ) as n on true
  ),
  changed as (
    select * from news where old is distinct from new
  ),
  written as (
    insert into portal.lead_ids as k (scope, lead_id, person)
    select c.scope, c.lead_id, c.new from changed as c order by c.scope, c.lead_id
    on conflict (scope, lead_id) do update set person = excluded.person
  )
  select * from changed

portal.is_staff() returns boolean language sql stable
select coalesce(auth.jwt() -> 'app_metadata' ->> 'role' in ('admin', 'operator', 'viewer'), false)
portal.lead_or_fail(p_lead uuid) returns client_leads language plpgsql volatile

declare
  l public.client_leads;
begin
  select * into l from public.client_leads where id = p_lead for update;
  if not found then raise exception 'there is no lead %', p_lead using errcode = 'P0002'; end if;
  return l;
end

portal.leads_by_day(first_day date, last_day date, as_of timestamp with time zone) returns TABLE(scope text, day date, leads bigint) language sql stable

  select l.scope, public.business_date(l.interested_at), count(*)
  from public.client_leads as l
  where l.interested and l.deleted_at is null and l.interested_at <= as_of
    and l.interested_at >= public.business_day_start(first_day)
    and l.interested_at < public.business_day_start(last_day + 1)
  group by 1, 2

portal.leave_out(p_keys text[]) returns void language sql volatile

  with due as (
    select e.event_key, coalesce(e.is_automated, false) and exists (
      select from public.campaigns as c
      where c.bison_key = e.scope || '/' || e.campaign_id and c.include_auto_replies_in_stats is false) as is_left_out
    from unnest(p_keys) as k (key)
    cross join lateral (
      select * from public.email_events where event_key = k.key collate "C" offset 0
    ) as e
    where e.event_type = 'lead_replied' and e.source <> 'adjustment'
  )
  update public.email_events as e set is_left_out = d.is_left_out, amount = (not d.is_left_out)::integer
  from due as d where e.event_key = d.event_key and (e.is_left_out, e.amount = 1) is distinct from (d.is_left_out, not d.is_left_out)

portal.lock_ledger() returns void language sql volatile

  select pg_advisory_xact_lock(1886351988, 1)

portal.lock_names() returns void language sql volatile

  select pg_advisory_xact_lock(1886351988, 2)

portal.mails_by_day(first_day date, last_day date) returns TABLE(scope text, day date, sent integer, replied integer, interested integer, opened integer, bounced integer, unsubscribed integer) language sql stable

  select c.scope, c.business_date,
    coalesce(sum(c.count) filter (where c.event_type = 'email_sent'), 0)::integer,
    coalesce(sum(c.count) filter (where c.event_type = 'lead_replied'), 0)::integer,
    coalesce(sum(c.count) filter (where c.event_type = 'lead_interested'), 0)::integer,
    coalesce(sum(c.count) filter (where c.event_type = 'email_opened'), 0)::integer,
    coalesce(sum(c.count) filter (where c.event_type = 'email_bounced'), 0)::integer,
    coalesce(sum(c.count) filter (where c.event_type = 'lead_unsubscribed'), 0)::integer
  from public.email_daily_counts as c
  where c.business_date between first_day and last_day
  group by 1, 2

portal.mark_all() returns trigger language plpgsql volatile

begin
  insert into portal.cache_marks (topic, scope) select tg_argv[0], '' where exists (select from changed)
  on conflict do nothing;
  return null;
end

portal.mark_scopes() returns trigger language plpgsql volatile

begin
  insert into portal.cache_marks (topic, scope)
  select distinct tg_argv[0], c.scope from changed as c where c.scope is not null
  on conflict do nothing;
  return null;
end

portal.mark_workspaces() returns trigger language plpgsql volatile

begin
  insert into portal.cache_marks (topic, scope)
  select distinct tg_argv[0], c.bison_instance || '/' || c.bison_workspace_id from changed as c
  where c.bison_instance is not null and c.bison_workspace_id is not null
  on conflict do nothing;
  return null;
end

portal.metrics_of(p_scope text, p_day date) returns TABLE(sent_today integer, sent_mtd integer, sent_7 integer, sent_14 integer, sent_30 integer, positive_mtd integer, positive_7 integer, positive_14 integer, positive_30 integer, positive_last_month integer, replies_mtd integer, opens_mtd integer, bounced_mtd integer, unsubscribed_mtd integer, told_at timestamp with time zone, polled_at timestamp with time zone, adjusted_at timestamp with time zone) language sql stable

  select
    coalesce(sum(count) filter (where event_type = 'email_sent' and age = 0), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'email_sent' and this_month), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'email_sent' and age < 7), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'email_sent' and age < 14), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'email_sent' and age < 30), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_interested' and this_month), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_interested' and age < 7), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_interested' and age < 14), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_interested' and age < 30), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_interested' and last_month), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_replied' and this_month), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'email_opened' and this_month), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'email_bounced' and this_month), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_unsubscribed' and this_month), 0)::integer,
    max(told_at) filter (where this_month), max(polled_at) filter (where this_month),
    max(adjusted_at) filter (where this_month)
  from (
    select c.*, p_day - c.business_date as age, c.business_date >= portal.month_start(p_day) as this_month,
      c.business_date >= portal.month_start(portal.month_start(p_day) - 1)
        and c.business_date < portal.month_start(p_day) as last_month
    from public.email_daily_counts as c
    where c.scope = p_scope collate "C" and c.business_date <= p_day
      and c.business_date >= least(p_day - 29, portal.month_start(portal.month_start(p_day) - 1))
      and c.event_type in ('email_sent', 'lead_interested', 'lead_replied', 'email_opened', 'email_bounced', 'lead_unsubscribed')
  ) as counted

portal.moment(said text) returns timestamp with time zone language plpgsql stable

begin
  return said::timestamptz;
exception when others then return null;
end

portal.month_span(month date, as_of timestamp with time zone) returns TABLE(first_day date, last_day date, elapsed integer, days integer, is_over boolean) language sql stable

  select f, case when over then portal.next_month(month) - 1 else greatest(today, f - 1) end,
    case when over then portal.days_in_month(month) else greatest(today - f + 1, 0) end,
    portal.days_in_month(month), over
  from (
    select portal.month_start(month) as f, public.business_date(as_of) as today,
      public.business_date(as_of) >= portal.next_month(month) as over
  ) as m

portal.month_start(day date) returns date language sql immutable

  select date_trunc('month', day::timestamp)::date

portal.name_scopes(p_scopes text[], p_names text[], p_decides boolean) returns void language plpgsql volatile

declare
  v_changed text[];
  v_old text[];
  v_new text[];
begin
  if not exists (
    select from unnest(p_scopes, p_names) as t (scope, name)
    left join portal.scopes as s on s.scope = t.scope collate "C"
    where s.scope is null or (p_decides or s.vendor_name = portal.nameless(s.scope))
      and btrim(t.name) <> '' and btrim(t.name) <> s.vendor_name) then return;
  end if;
  perform portal.lock_names();
  with told as (
    select distinct on (t.scope) t.scope collate "C" as scope, nullif(btrim(t.name), '') as name
    from unnest(p_scopes, p_names) as t (scope, name) order by t.scope, t.name
  ),
  news as (
    select t.scope, coalesce(t.name, portal.nameless(t.scope)) as name, s.workspace_name as old
    from told as t left join portal.scopes as s on s.scope = t.scope
    where s.scope is null or (p_decides or s.vendor_name = portal.nameless(s.scope)) and t.name <> s.vendor_name
  ),
  free as (
    select n.*, row_number() over (partition by n.name order by n.scope) = 1 and not exists (
      select from portal.scopes as o
      where o.workspace_name = n.name and o.scope not in (select scope from news)) as is_free
    from news as n
  ),
  written as (
    insert into portal.scopes (scope, vendor_name, workspace_name)
    select scope, name, case when is_free then name else name || ' (' || scope || ')' end from free order by scope
    on conflict (scope) do update set vendor_name = excluded.vendor_name, workspace_name = excluded.workspace_name
    returning scope, workspace_name
  )
  select array_agg(w.scope), array_agg(n.old) filter (where n.old is not null),
    array_agg(w.workspace_name) filter (where n.old is not null)
  into v_changed, v_old, v_new
  from written as w join news as n on n.scope = w.scope;
  if v_changed is null then return; end if;
  perform portal.spread_names(v_changed);
  if v_old is not null then perform portal.follow_renames(v_old, v_new); end if;
end

portal.nameless(p_scope text) returns text language sql immutable

  select 'Workspace ' || split_part(p_scope, '/', 2)

portal.next_month(day date) returns date language sql immutable

  select (date_trunc('month', day::timestamp) + interval '1 month')::date

portal.note_scopes(p_scopes text[], p_names text[], p_urls text[], p_since double precision[]) returns void language plpgsql volatile

begin
  perform portal.name_scopes(p_scopes, p_names, false);
  with written as (
    update portal.scopes as s set instance_url = coalesce(t.url, s.instance_url),
      ledger_since = least(s.ledger_since, to_timestamp(t.since / 1000000))
    from unnest(p_scopes, p_urls, p_since) as t (scope, url, since)
    where s.scope = t.scope collate "C" and (
      t.url <> coalesce(s.instance_url, '') or to_timestamp(t.since / 1000000) < coalesce(s.ledger_since, 'infinity'))
    returning s.scope, s.instance_url
  )
  update public.client_leads as l set bison_conversation_url = w.instance_url || '/inbox?reply_uuid=' || l.bison_reply_uuid
  from written as w
  where l.scope = w.scope
    and l.bison_conversation_url is distinct from w.instance_url || '/inbox?reply_uuid=' || l.bison_reply_uuid;
end

portal.note_stage() returns trigger language plpgsql volatile

declare
  by_human boolean := new.human_stage is not null and new.pipeline_stage = new.human_stage;
begin
  if tg_op = 'UPDATE' then by_human := new.human_stage_at is distinct from old.human_stage_at; end if;
  insert into public.pipeline_stage_history (lead_id, workspace_name, lead_email, old_stage, new_stage, actor_kind, actor,
    jwt_sub, jwt_role, user_agent, referer)
  values (new.id, new.workspace_name, new.lead_email, case when tg_op = 'UPDATE' then old.pipeline_stage end, new.pipeline_stage,
    case when by_human then 'human' else 'machine' end,
    case when by_human then coalesce(new.human_stage_by, portal.who()) else 'email-bison' end,
    portal.request_value('request.jwt.claims', 'sub'), portal.request_value('request.jwt.claims', 'role'),
    portal.request_value('request.headers', 'user-agent'), portal.request_value('request.headers', 'referer'));
  return null;
end

portal.own_scopes() returns SETOF text language sql stable

      select s.scope from portal.scopes as s
      left join public.client_registry as r on r.scope = s.scope
      where auth.jwt() -> 'app_metadata' ->> 'role' = 'client' and coalesce(r.portal_access_enabled, true) and (
        auth.jwt() -> 'app_metadata' -> 'workspaces' ? s.workspace_name
        or exists (select from public.user_workspace_access as a
          where a.workspace_name = s.workspace_name and a.user_id::text = auth.jwt() ->> 'sub'))

portal.percent(part numeric, whole numeric) returns numeric language sql immutable

  select case when whole > 0 and part is not null
    then round(greatest(-999999.99, least(999999.99, part * 100 / whole)), 2) end

portal.price_of(reseller text, provider text, mailboxes integer) returns numeric language sql immutable

  select case
    when reseller in ('CheapInboxes', 'Zapmail') then 3.00
    when reseller = 'Mailr' then 0.91
    when reseller = 'ScaledMail' then round(50.0 / greatest(mailboxes, 1), 4)
    when provider in ('Google', 'Gmail') then 3.00
    else 0
  end

portal.provider_of(tags text[]) returns text language sql immutable

  select coalesce((
    select p.name
    from unnest(tags) with ordinality as t (tag, place)
    join unnest(array['Gmail', 'Google', 'Outlook', 'Microsoft', 'Yahoo', 'iCloud', 'AOL']) as p (name)
      on lower(btrim(t.tag)) = lower(p.name)
    order by t.place limit 1
  ), 'Unknown')

portal.recount_all() returns void language plpgsql volatile

begin
  perform portal.lock_ledger();
  update public.email_events set business_date = public.business_date(at)
  where business_date <> public.business_date(at);
  delete from public.email_daily_counts;
  insert into public.email_daily_counts (scope, business_date, event_type, count, told_at, polled_at, adjusted_at)
  select scope, business_date, event_type, sum(amount),
    max(recorded_at) filter (where source = 'event'), max(recorded_at) filter (where source = 'poll'),
    max(recorded_at) filter (where source = 'adjustment')
  from public.email_events group by scope, business_date, event_type;
  delete from public.client_metrics where metric_type = 'mtd';
  perform portal.refresh_metrics(array_agg(d.scope), array_agg(d.day)) from (
    select scope, business_date as day from public.email_daily_counts
    union select scope, metric_date from public.vendor_metrics
  ) as d;
end

portal.refresh_counts(p_scopes text[], p_days date[], p_types text[]) returns void language sql volatile

  with touched as (
    select distinct t.scope collate "C" as scope, t.day, t.type collate "C" as type
    from unnest(p_scopes, p_days, p_types) as t (scope, day, type)
  ),
  gone as (
    delete from public.email_daily_counts as c using touched as t
    where (c.scope, c.business_date, c.event_type) = (t.scope, t.day, t.type) and not exists (
      select from public.email_events as e
      where (e.scope, e.business_date, e.event_type) = (t.scope, t.day, t.type))
  )
  insert into public.email_daily_counts as c (scope, business_date, event_type, count, told_at, polled_at, adjusted_at)
  select t.scope, t.day, t.type, sum(e.amount),
    max(e.recorded_at) filter (where e.source = 'event'),
    max(e.recorded_at) filter (where e.source = 'poll'),
    max(e.recorded_at) filter (where e.source = 'adjustment')
  from touched as t
  join public.email_events as e on (e.scope, e.business_date, e.event_type) = (t.scope, t.day, t.type)
  group by t.scope, t.day, t.type
  order by t.scope, t.day, t.type
  on conflict (scope, business_date, event_type) do update set count = excluded.count, told_at = excluded.told_at,
    polled_at = excluded.polled_at, adjusted_at = excluded.adjusted_at
  where (c.count, c.told_at, c.polled_at, c.adjusted_at)
    is distinct from (excluded.count, excluded.told_at, excluded.polled_at, excluded.adjusted_at)

portal.refresh_leads(p_keys text[]) returns TABLE(scope text, day date) language plpgsql volatile

#variable_conflict use_column
declare
  changed jsonb;
  moves jsonb;
  move record;
  v_scopes text[];
  v_persons text[];
begin
  perform portal.leave_out(p_keys);
  select coalesce(jsonb_agg(to_jsonb(i)), '[]') into changed from portal.identify_leads(p_keys) as i;
  with wanted as (
    select e.event_key, e.scope, e.person as old,
      case when e.is_left_out then null when e.lead_id is null then e.lead_email else k.person end as new
    from unnest(p_keys) as p (key)
    cross join lateral (
      select * from public.email_events where event_key = p.key collate "C" offset 0
    ) as e
    left join portal.lead_ids as k on (k.scope, k.lead_id) = (e.scope, e.lead_id)
    where e.source <> 'adjustment'
      and e.event_type in ('lead_replied', 'lead_interested', 'lead_unsubscribed', 'email_bounced')
    union
    select e.event_key, e.scope, e.person, case when not e.is_left_out then c.new end
    from jsonb_to_recordset(changed) as c (scope text, lead_id bigint, new text)
    cross join lateral (
      select * from public.email_events
      where scope = c.scope collate "C" and lead_id = c.lead_id
        and event_type in ('lead_replied', 'lead_interested', 'lead_unsubscribed', 'email_bounced') offset 0
    ) as e
  ),
  written as (
    update public.email_events as e set person = w.new
    from wanted as w where e.event_key = w.event_key and e.person is distinct from w.new
  )
  select array_agg(t.scope), array_agg(t.person), (
      select jsonb_agg(distinct jsonb_build_object('scope', w.scope, 'old', w.old, 'new', w.new))
      from wanted as w where w.old <> w.new and w.old not like '#%' and w.new not like '#%')
  into v_scopes, v_persons, moves
  from (
    select w.scope, w.old as person from wanted as w where w.old is not null
    union select w.scope, w.new from wanted as w where w.new is not null
  ) as t;
  if v_scopes is null then return; end if;
  -- Rare, and each may depend on the one before: one at a time.
  for move in select * from jsonb_to_recordset(moves) as m (scope text, old text, new text) order by 1, 2, 3 loop
    perform portal.rename_lead(move.scope, move.old, move.new);
  end loop;
  perform portal.retire_leads(v_scopes, v_persons);
  perform portal.write_leads(v_scopes, v_persons);
  return query select c.scope, c.day from portal.count_interest(v_scopes, v_persons) as c;
end

portal.refresh_metrics(p_scopes text[], p_days date[], p_open boolean DEFAULT false) returns void language sql volatile

  delete from public.client_metrics as m using unnest(p_scopes, p_days) as t (scope, day)
  where m.scope = t.scope collate "C" and m.metric_date = t.day and m.metric_type = 'mtd' and t.day <> public.business_date()
    and not exists (select from public.email_daily_counts as c where c.scope = m.scope and c.business_date = t.day)
    and not exists (select from public.vendor_metrics as v where v.scope = m.scope and v.metric_date = t.day);

  with touched as (
    select t.scope collate "C" as scope, min(t.day) as first_day, max(t.day) as last_day
    from unnest(p_scopes, p_days) as t (scope, day) group by t.scope
  ),
  days as (
    select m.scope, m.metric_date as day
    from touched as t
    join public.client_metrics as m on m.scope = t.scope and m.metric_type = 'mtd' and m.metric_date >= t.first_day
      and m.metric_date < greatest(t.last_day + 30, portal.next_month(portal.next_month(t.last_day)))
    union
    select d.scope collate "C", d.day
    from unnest(p_scopes, p_days) as d (scope, day)
    where p_open
      or exists (select from public.email_daily_counts as c where c.scope = d.scope collate "C" and c.business_date = d.day)
      or exists (select from public.vendor_metrics as v where v.scope = d.scope collate "C" and v.metric_date = d.day)
  )
  insert into public.client_metrics as m (
    scope, workspace_name, metric_date, metric_type, emails_sent_today, emails_sent_mtd, emails_sent_last_7_days,
    emails_sent_last_14_days, emails_sent_last_30_days, emails_scheduled_today, emails_scheduled_tomorrow,
    projection_emails_eom, positive_replies_mtd, positive_replies_last_7_days, positive_replies_last_14_days,
    positive_replies_last_30_days, positive_replies_current_month, positive_replies_last_month,
    projection_positive_replies_eom, all_replies_mtd, opens_mtd, bounced_mtd, unsubscribed_mtd, mtd_leads_progress,
    projection_replies_progress, last_week_vs_week_before_progress, update_source, last_webhook_update_at,
    last_poll_update_at)
  select d.scope, s.workspace_name, d.day, 'mtd', f.sent_today, f.sent_mtd, f.sent_7, f.sent_14, f.sent_30,
    v.emails_scheduled_today, v.emails_scheduled_tomorrow,
    round(f.sent_mtd * pace), f.positive_mtd, f.positive_7, f.positive_14, f.positive_30, f.positive_mtd,
    f.positive_last_month, round(f.positive_mtd * pace), f.replies_mtd, f.opens_mtd, f.bounced_mtd, f.unsubscribed_mtd,
    portal.percent(f.positive_mtd, r.monthly_kpi_target),
    portal.percent(round(f.positive_mtd * pace), r.monthly_kpi_target),
    portal.week_over_week(f.positive_7, f.positive_14),
    case greatest(f.told_at, f.polled_at, f.adjusted_at, v.polled_at)
      when f.adjusted_at then 'manual' when f.told_at then 'webhook' when v.polled_at then 'poll' when f.polled_at then 'poll'
    end,
    f.told_at, greatest(f.polled_at, v.polled_at)
  from days as d
  join portal.scopes as s on s.scope = d.scope
  left join public.client_registry as r on r.scope = d.scope
  left join public.vendor_metrics as v on v.scope = d.scope and v.metric_date = d.day and v.period = 'mtd'
  cross join lateral portal.metrics_of(d.scope, d.day) as f
  cross join lateral (
    select portal.days_in_month(d.day)::numeric / extract(day from d.day)::numeric as pace
  ) as p
  order by d.scope, d.day
  on conflict (scope, metric_date, metric_type) do update set
    (workspace_name, emails_sent_today, emails_sent_mtd, emails_sent_last_7_days, emails_sent_last_14_days,
    emails_sent_last_30_days, emails_scheduled_today, emails_scheduled_tomorrow, projection_emails_eom,
    positive_replies_mtd, positive_replies_last_7_days, positive_replies_last_14_days, positive_replies_last_30_days,
    positive_replies_current_month, positive_replies_last_month, projection_positive_replies_eom, all_replies_mtd,
    opens_mtd, bounced_mtd, unsubscribed_mtd, mtd_leads_progress, projection_replies_progress,
    last_week_vs_week_before_progress, update_source, last_webhook_update_at, last_poll_update_at, updated_at)
  = (excluded.workspace_name, excluded.emails_sent_today, excluded.emails_sent_mtd, excluded.emails_sent_last_7_days,
    excluded.emails_sent_last_14_days, excluded.emails_sent_last_30_days, excluded.emails_scheduled_today,
    excluded.emails_scheduled_tomorrow, excluded.projection_emails_eom, excluded.positive_replies_mtd,
    excluded.positive_replies_last_7_days, excluded.positive_replies_last_14_days, excluded.positive_replies_last_30_days,
    excluded.positive_replies_current_month, excluded.positive_replies_last_month,
    excluded.projection_positive_replies_eom, excluded.all_replies_mtd, excluded.opens_mtd, excluded.bounced_mtd,
    excluded.unsubscribed_mtd, excluded.mtd_leads_progress, excluded.projection_replies_progress,
    excluded.last_week_vs_week_before_progress, excluded.update_source, excluded.last_webhook_update_at,
    excluded.last_poll_update_at, now())

portal.rename_lead(p_scope text, p_old text, p_new text) returns void language plpgsql volatile

declare
  o public.client_leads;
  n public.client_leads;
begin
  select * into o from public.client_leads where scope = p_scope and lead_email = p_old for update;
  -- The old address may still be somebody: events without an id, or another id, go by it.
  if not found or exists (
    select from public.email_events where scope = p_scope collate "C" and person = p_old collate "C"
      and event_type in ('lead_replied', 'lead_interested')) then return;
  end if;
  select * into n from public.client_leads where scope = p_scope and lead_email = p_new for update;
  if not found then
    update public.client_leads set lead_email = p_new where id = o.id;
    return;
  end if;
  update public.pipeline_stage_history set lead_id = n.id where lead_id = o.id;
  delete from public.client_leads where id = o.id;
  update public.client_leads set
    (human_stage, human_stage_at, human_stage_by) = (
      select s, a, b from (values (n.human_stage, n.human_stage_at, n.human_stage_by),
        (o.human_stage, o.human_stage_at, o.human_stage_by)) as h (s, a, b) order by a desc nulls last limit 1),
    notes = coalesce(nullif(n.notes, ''), o.notes),
    edits = o.edits || n.edits,
    pipeline_position = coalesce(n.pipeline_position, o.pipeline_position),
    premium_amount = coalesce(n.premium_amount, o.premium_amount),
    policy_type = coalesce(n.policy_type, o.policy_type),
    (assigned_to_user_id, assigned_to_name, assigned_at, assigned_by_user_id) = (
      select u, w, t, b from (values (n.assigned_to_user_id, n.assigned_to_name, n.assigned_at, n.assigned_by_user_id),
        (o.assigned_to_user_id, o.assigned_to_name, o.assigned_at, o.assigned_by_user_id)) as g (u, w, t, b)
      order by t desc nulls last limit 1),
    is_manual = n.is_manual or o.is_manual
  where id = n.id;
end

portal.request_value(setting text, field text) returns text language plpgsql stable

begin
  return nullif(current_setting(setting, true), '')::jsonb ->> field;
exception when invalid_text_representation then return null;
end

portal.reseller_of(tags text[]) returns text language sql immutable

  select coalesce((
    select r.name
    from unnest(array['CheapInboxes', 'Zapmail', 'ScaledMail', 'Mailr', 'Inbox', 'Reseller'])
      with ordinality as r (name, place)
    where exists (select from unnest(tags) as t (tag) where strpos(lower(t.tag), lower(r.name)) > 0)
    order by r.place limit 1
  ), 'Unknown')

portal.retire_leads(p_scopes text[], p_persons text[]) returns void language sql volatile

  with gone as (
    select l.id, l.human_stage is not null or coalesce(l.notes, '') <> '' or l.edits <> '{}' or l.deleted_at is not null
      or l.premium_amount is not null or l.policy_type is not null or l.assigned_at is not null
      or l.pipeline_position is not null or l.lead_value <> 500 or l.airtable_id is not null
      or l.external_api_sent_at is not null as is_kept
    from (select distinct * from unnest(p_scopes, p_persons)) as t (scope, person)
    join public.client_leads as l on l.scope = t.scope collate "C" and l.lead_email = t.person collate "C"
    where not l.is_manual and not exists (
      select from public.email_events as e
      where e.scope = l.scope and e.person = l.lead_email and e.event_type in ('lead_replied', 'lead_interested'))
  ),
  removed as (
    delete from public.client_leads as l using gone as g where l.id = g.id and not g.is_kept
  )
  update public.client_leads as l set contact = '{}', custom_variables = null, tags = null, lead_campaign_data = null,
    overall_stats = null, lead_status = null, date_received = null, bison_reply_uuid = null, bison_conversation_url = null,
    interested = false, interested_at = null, machine_stage = 'new', machine_stage_at = null
  from gone as g where l.id = g.id and g.is_kept

portal.sent_in_month(first_day date, last_day date) returns TABLE(scope text, sent integer, source text, ledger integer, vendor integer, vendor_read_at timestamp with time zone) language sql stable

  select s.scope, case when k.use_vendor then k.vendor else coalesce(m.sent, 0) end,
    case when k.use_vendor then 'vendor' else 'ledger' end, coalesce(m.sent, 0), k.vendor,
    case when d.sent is null then v.polled_at else d.polled_at end
  from portal.scopes as s
  left join (
    select scope, sum(sent)::integer as sent from portal.mails_by_day(first_day, last_day) group by scope
  ) as m on m.scope = s.scope
  left join (
    select scope, sum(emails_sent)::integer as sent, max(polled_at) as polled_at from public.vendor_metrics
    where period = 'day' and metric_date between first_day and last_day and emails_sent is not null
    group by scope having count(*) = last_day - first_day + 1
  ) as d on d.scope = s.scope
  left join lateral (
    select emails_sent, polled_at from public.vendor_metrics as v
    where v.scope = s.scope and v.period = 'mtd' and v.metric_date between first_day and last_day
      and v.emails_sent is not null
    order by v.metric_date desc limit 1
  ) as v on true
  cross join lateral (
    select coalesce(d.sent, v.emails_sent) as vendor, coalesce(d.sent, v.emails_sent) is not null
      and coalesce(s.ledger_since, 'infinity') > public.business_day_start(first_day) as use_vendor
  ) as k

portal.settle_lead() returns trigger language plpgsql volatile

declare
  fields constant text[] := array['first_name', 'last_name', 'phone', 'address', 'city', 'state', 'zip', 'title',
    'company', 'renewal', 'birthday'];
  direct jsonb;
  shown jsonb;
begin
  -- A column that is written by itself was edited by a person, and stays theirs.
  if tg_op = 'UPDATE' then
    select jsonb_object_agg(f, to_jsonb(new) -> f) into direct
    from unnest(fields) as f where to_jsonb(new) -> f is distinct from to_jsonb(old) -> f;
    if new.pipeline_stage <> old.pipeline_stage
      and (new.human_stage, new.human_stage_at) is not distinct from (old.human_stage, old.human_stage_at) then
      new.human_stage := new.pipeline_stage;
      new.human_stage_at := clock_timestamp();
      new.human_stage_by := portal.who();
    end if;
    new.updated_at := clock_timestamp();
  end if;
  new.edits := new.edits || coalesce(direct, '{}');
  shown := new.contact || new.edits;
  select jsonb_object_agg(f, shown -> f) into shown from unnest(fields) as f;
  new := jsonb_populate_record(new, shown);
  new.pipeline_stage := portal.shown_stage(new.machine_stage, new.machine_stage_at, new.human_stage, new.human_stage_at);
  return new;
end

portal.share_names() returns void language sql volatile

  select pg_advisory_xact_lock_shared(1886351988, 2)

portal.shown_stage(machine text, machine_at timestamp with time zone, human text, human_at timestamp with time zone) returns text language sql immutable

  select case
    when human is null then machine
    when machine_at > human_at and portal.stage_rank(machine) > portal.stage_rank(human) then machine
    else human
  end

portal.spread_names(p_scopes text[]) returns void language sql volatile

  update public.client_registry as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.scope = s.scope and s.scope = any (p_scopes) and t.workspace_name is distinct from s.workspace_name;
  update public.sender_emails_cache as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.bison_instance = s.instance and t.bison_workspace_id = s.bison_workspace_id
      and s.scope = any (p_scopes) and t.workspace_name is distinct from s.workspace_name;
  update public.campaigns as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.bison_instance = s.instance and t.bison_workspace_id = s.bison_workspace_id
      and s.scope = any (p_scopes) and t.workspace_name is distinct from s.workspace_name;
  update public.lead_replies as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.bison_instance = s.instance and t.bison_workspace_id = s.bison_workspace_id
      and s.scope = any (p_scopes) and t.workspace_name is distinct from s.workspace_name;
  update public.client_metrics as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.scope = s.scope and s.scope = any (p_scopes) and t.workspace_name <> s.workspace_name;
  update public.vendor_metrics as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.scope = s.scope and s.scope = any (p_scopes)
      and t.workspace_name is distinct from s.workspace_name;
  update public.client_leads as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.scope = s.scope and s.scope = any (p_scopes) and t.workspace_name <> s.workspace_name;
  update public.pipeline_stage_history as t set workspace_name = s.workspace_name
    from portal.scopes as s join public.client_leads as l on l.scope = s.scope
    where t.lead_id = l.id and s.scope = any (p_scopes) and t.workspace_name <> s.workspace_name;

portal.stage_rank(stage text) returns integer language sql immutable

  select case stage
    when 'new' then 0 when 'replied' then 1 when 'interested' then 2 when 'quoting' then 3 when 'follow-up' then 3
    when 'won' then 4 when 'lost' then 4 when 'unsubscribed' then 4 when 'bounced' then 4
  end

portal.time_zone() returns text language sql stable

  select time_zone from portal.settings

portal.volume_of(reseller text, provider text, mailboxes integer) returns integer language sql immutable

  select case
    when reseller = 'Mailr' then 495 / greatest(mailboxes, 1)
    when reseller = 'ScaledMail' then case when mailboxes between 25 and 48 then 8 else 5 end
    when provider in ('Google', 'Gmail', 'Microsoft', 'Outlook') then 20
    else 15
  end

portal.week_over_week(week numeric, fortnight numeric) returns numeric language sql immutable

  select case when fortnight - week > 0
    then round(greatest(-999.99, least(999.99, (week - (fortnight - week)) * 100 / (fortnight - week))), 2) else 0 end

portal.who() returns text language sql stable

  select coalesce(portal.request_value('request.jwt.claims', 'sub'), session_user)

portal.write_leads(p_scopes text[], p_persons text[]) returns void language sql volatile

  with gathered as (
    select e.scope, e.person,
      portal.merged(e.contact order by e.source = 'event', e.at, e.event_key) as said,
      (array_agg(e.lead_id order by e.at desc, e.event_key desc) filter (where e.lead_id is not null))[1] as lead_id,
      (array_agg(e.reply_id order by coalesce(e.reply_date, e.at) desc, e.event_key desc)
        filter (where e.reply_id is not null and e.event_type in ('lead_replied', 'lead_interested')))[1] as reply_id,
      max(coalesce(e.reply_date, e.at)) filter (where e.event_type in ('lead_replied', 'lead_interested')) as received_at,
      (array_agg(e.at order by e.source = 'event' desc, e.at) filter (where e.event_type = 'lead_interested'))[1] as interested_at,
      max(e.at) filter (where e.event_type = 'lead_interested') as last_interested_at,
      max(e.at) filter (where e.event_type = 'lead_replied') as last_replied_at,
      max(e.at) filter (where e.event_type = 'email_bounced') as bounced_at,
      min(e.at) filter (where e.event_type = 'lead_unsubscribed') as unsubscribed_at
    from (select distinct * from unnest(p_scopes, p_persons)) as t (scope, person)
    cross join lateral (
      select * from public.email_events
      where scope = t.scope collate "C" and person = t.person collate "C" and person is not null offset 0
    ) as e
    where t.person not like '#%'
    group by e.scope, e.person
  )
  insert into public.client_leads as l (scope, workspace_name, lead_email, bison_lead_id, contact, custom_variables, tags,
    lead_campaign_data, overall_stats, lead_status, date_received, bison_reply_uuid, bison_conversation_url, interested,
    interested_at, machine_stage, machine_stage_at, delivery_state, bounced_at, unsubscribed_at)
  select g.scope, s.workspace_name, g.person, g.lead_id::text,
    g.said - '{custom_variables,tags,lead_campaign_data,overall_stats,status}'::text[],
    g.said -> 'custom_variables', g.said -> 'tags', g.said -> 'lead_campaign_data', g.said -> 'overall_stats',
    g.said ->> 'status', g.received_at, g.reply_id, s.instance_url || '/inbox?reply_uuid=' || g.reply_id,
    g.interested_at is not null, g.interested_at,
    case when g.interested_at is not null then 'interested' when g.last_replied_at is not null then 'replied' else 'new' end,
    coalesce(g.last_interested_at, g.last_replied_at),
    case when g.unsubscribed_at is not null then 'unsubscribed'
      -- Whoever writes after a bounce has an address that works.
      when g.bounced_at > coalesce(g.received_at, '-infinity') then 'bounced' else 'ok' end,
    g.bounced_at, g.unsubscribed_at
  from gathered as g
  join portal.scopes as s on s.scope = g.scope
  where g.received_at is not null
    or exists (select from public.client_leads as k where k.scope = g.scope and k.lead_email = g.person)
  order by g.scope, g.person
  on conflict (scope, lead_email) do update set
    bison_lead_id = coalesce(excluded.bison_lead_id, l.bison_lead_id), contact = excluded.contact,
    custom_variables = excluded.custom_variables, tags = excluded.tags, lead_campaign_data = excluded.lead_campaign_data,
    overall_stats = excluded.overall_stats, lead_status = excluded.lead_status,
    date_received = coalesce(excluded.date_received, l.date_received), bison_reply_uuid = excluded.bison_reply_uuid,
    bison_conversation_url = excluded.bison_conversation_url, interested = excluded.interested,
    interested_at = excluded.interested_at, machine_stage = excluded.machine_stage,
    machine_stage_at = excluded.machine_stage_at, delivery_state = excluded.delivery_state,
    bounced_at = excluded.bounced_at, unsubscribed_at = excluded.unsubscribed_at

add_lead(workspace text, email text, details jsonb DEFAULT '{}'::jsonb, stage text DEFAULT 'interested'::text, actor text DEFAULT portal.who()) returns client_leads language plpgsql volatile

declare
  l public.client_leads;
  v_scope text;
  v_email text := lower(btrim(email));
begin
  perform portal.check_stage(stage);
  perform portal.check_edits(details);
  select scope into v_scope from portal.scopes where workspace_name = btrim(workspace);
  if v_scope is null then
    raise exception 'there is no workspace "%"', workspace using errcode = '22023';
  end if;
  select * into l from public.client_leads where scope = v_scope and lead_email = v_email;
  if found then
    raise exception 'there is a lead with this e-mail already: %', l.id using errcode = '23505',
      hint = case when l.deleted_at is null then 'Change that one' else 'It is deleted: restore it with restore_lead' end;
  end if;
  insert into public.client_leads (scope, workspace_name, lead_email, edits, is_manual, date_received, human_stage,
    human_stage_at, human_stage_by)
  values (v_scope, btrim(workspace), v_email, jsonb_strip_nulls(details), true, clock_timestamp(), stage,
    clock_timestamp(), actor)
  returning * into l;
  return l;
end

aggregate_provider_stats() returns TABLE(email_provider text, bison_instance text, total_accounts bigint, active_accounts bigint, total_sent bigint, total_replies bigint, unique_replies bigint, total_bounces bigint, avg_reply_rate numeric, avg_emails_per_account numeric, total_daily_limit bigint, total_volume_capacity bigint, utilization_percentage numeric) language sql stable

  select m.provider, m.bison_instance, count(*), count(*) filter (where lower(m.status) = 'connected'),
    coalesce(sum(m.emails_sent_count), 0), coalesce(sum(m.total_replied_count), 0),
    coalesce(sum(m.unique_replied_count), 0), coalesce(sum(m.bounced_count), 0),
    portal.percent(sum(m.unique_replied_count), sum(m.emails_sent_count)),
    round(coalesce(sum(m.emails_sent_count), 0)::numeric / count(*), 2),
    coalesce(sum(m.daily_limit), 0), coalesce(sum(m.volume_per_account), 0),
    portal.percent(sum(m.daily_limit), sum(m.volume_per_account))
  from portal.mailboxes as m
  group by m.provider, m.bison_instance
  order by m.provider, m.bison_instance

assign_lead(lead uuid, to_user uuid, to_name text, actor text DEFAULT portal.who()) returns client_leads language plpgsql volatile

declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  update public.client_leads set assigned_to_user_id = to_user, assigned_to_name = to_name, assigned_by_user_id = actor,
    assigned_at = case when to_user is null and to_name is null then null else clock_timestamp() end
  where id = lead returning * into l;
  return l;
end

business_date(moment timestamp with time zone DEFAULT now()) returns date language sql stable

  select (moment at time zone portal.time_zone())::date

business_day_start(day date) returns timestamp with time zone language sql stable

  select day::timestamp at time zone portal.time_zone()

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

check_provider_reply_rate_drop(min_sent integer DEFAULT 100) returns TABLE(email_provider text, bison_instance text, snapshot_date date, previous_rate numeric, current_rate numeric, drop_percentage numeric) language sql stable

  with days as (
    select h.*, h.unique_replies_delta * 100.0 / nullif(h.sent_delta, 0) as rate,
      row_number() over (partition by h.email_provider, h.bison_instance order by h.snapshot_date desc) as age
    from public.provider_performance_history as h
    where h.snapshot_date > (select max(snapshot_date) from public.provider_performance_history) - 7
  )
  select c.email_provider, c.bison_instance, c.snapshot_date, round(p.rate, 4), round(c.rate, 4),
    round((p.rate - c.rate) * 100 / p.rate, 2)
  from days as c
  join days as p on (p.email_provider, p.bison_instance, p.age) = (c.email_provider, c.bison_instance, 2)
  where c.age = 1 and c.snapshot_date = (select max(snapshot_date) from public.provider_performance_history)
    and c.sent_delta >= min_sent and p.sent_delta >= min_sent
    and p.rate > 0 and (p.rate - c.rate) * 100 / p.rate > 20
  order by 6 desc, 1, 2

day_range(day date) returns tstzrange language sql stable

  select tstzrange(public.business_day_start(day), public.business_day_start(day + 1), '[)')

delete_lead(lead uuid, reason text DEFAULT NULL::text, actor text DEFAULT portal.who()) returns client_leads language plpgsql volatile

declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  update public.client_leads set deleted_at = coalesce(deleted_at, clock_timestamp()), deleted_by_user_id = actor,
    deletion_reason = reason
  where id = lead returning * into l;
  return l;
end

edit_lead(lead uuid, changes jsonb) returns client_leads language plpgsql volatile

declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  perform portal.check_edits(changes);
  update public.client_leads set edits = jsonb_strip_nulls(edits || changes) where id = lead returning * into l;
  return l;
end

find_orphaned_subitems() returns TABLE(monday_id text, parent_monday_id text) language sql stable

  select s.monday_id, s.parent_monday_id
  from public.subitems as s
  where not exists (select from public.projects as p where p.monday_id = s.parent_monday_id)

get_account_status_stats() returns TABLE(total bigint, connected bigint, disconnected bigint, failed bigint, not_connected bigint, other bigint, disconnect_rate numeric) language sql stable

  select count(*), count(*) filter (where s = 'connected'), count(*) filter (where s = 'disconnected'),
    count(*) filter (where s = 'failed'), count(*) filter (where s = 'not connected'),
    count(*) filter (where s is null or s not in ('connected', 'disconnected', 'failed', 'not connected')),
    coalesce(portal.percent(count(*) filter (where s in ('disconnected', 'failed', 'not connected')), count(*)), 0)
  from (select lower(status) as s from portal.mailboxes) as m

get_daily_billable_revenue(month_year text DEFAULT to_char((business_date())::timestamp with time zone, 'YYYY-MM'::text)) returns TABLE(day date, leads bigint, revenue numeric, running_revenue numeric) language sql stable

  select d.day, sum(d.leads)::bigint, sum(d.leads * r.price_per_lead),
    sum(sum(d.leads * r.price_per_lead)) over (order by d.day)
  from (select to_date(month_year || '-01', 'YYYY-MM-DD') as first_day) as m
  cross join lateral portal.leads_by_day(m.first_day, portal.next_month(m.first_day) - 1, 'infinity') as d
  join public.client_registry as r on r.scope = d.scope
  where r.is_active and r.billing_type = 'per_lead'
  group by d.day
  order by d.day

get_data_freshness() returns SETOF data_freshness language sql stable
 select * from public.data_freshness
get_my_workspaces() returns TABLE(workspace_name text, display_name text, client_type text, monthly_kpi_target integer, monthly_sending_target integer, live_replies_enabled boolean) language sql stable

      select r.workspace_name, r.display_name, r.client_type, r.monthly_kpi_target, r.monthly_sending_target,
        r.live_replies_enabled
      from public.client_registry as r
      where r.is_active and (portal.is_staff() or r.scope in (select portal.own_scopes())) order by 1

get_workspace_lead_counts(for_user uuid DEFAULT NULL::uuid) returns TABLE(workspace_name text, interested bigint, won bigint, total bigint) language sql stable

  select s.workspace_name, count(l.id) filter (where l.interested), count(l.id) filter (where l.pipeline_stage = 'won'),
    count(l.id)
  from portal.scopes as s
  left join public.client_leads as l on l.scope = s.scope and l.deleted_at is null
  where for_user is null
    or exists (select from public.user_workspace_access as a where a.user_id = for_user and a.role = 'admin')
    or exists (select from public.user_workspace_access as a where a.user_id = for_user
      and lower(btrim(a.workspace_name)) = lower(btrim(s.workspace_name)))
  group by s.workspace_name
  order by 1

increment_metric(workspace text, metric text, n integer DEFAULT 1) returns void language plpgsql volatile

declare
  v_scope text;
  v_type text;
  v_now timestamptz := clock_timestamp();
begin
  select event_type into v_type from portal.metric_names as m where m.metric = increment_metric.metric;
  if v_type is null then
    raise exception 'increment_metric: there is no metric "%"', metric using errcode = '22023',
      hint = 'One of: ' || (select string_agg(m.metric, ', ' order by m.metric) from portal.metric_names as m);
  end if;
  select scope into v_scope from portal.scopes where workspace_name = btrim(workspace);
  if v_scope is null then
    raise exception 'increment_metric: there is no workspace "%"', workspace using errcode = '22023';
  end if;
  perform portal.lock_ledger();
  insert into public.email_events (event_key, scope, event_type, at, business_date, source, amount, note)
  values (v_scope || '/adjustment/' || gen_random_uuid(), v_scope, v_type, v_now, public.business_date(v_now),
    'adjustment', n, metric);
  perform portal.refresh_counts(array[v_scope], array[public.business_date(v_now)], array[v_type]);
  perform portal.refresh_metrics(array[v_scope], array[public.business_date(v_now)]);
end

month_range(day date) returns tstzrange language sql stable

  select tstzrange(
    public.business_day_start(portal.month_start(day)), public.business_day_start(portal.next_month(day)), '[)')

move_lead(lead uuid, stage text, slot integer DEFAULT NULL::integer, actor text DEFAULT portal.who()) returns client_leads language plpgsql volatile

declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  perform portal.check_stage(stage);
  if stage = 'won' and (l.premium_amount is null or l.policy_type is null) then
    raise exception 'a lead is won with a premium and a policy type: use win_lead' using errcode = '23514';
  end if;
  update public.client_leads set human_stage = stage, human_stage_at = clock_timestamp(), human_stage_by = actor,
    pipeline_position = coalesce(slot, pipeline_position)
  where id = lead returning * into l;
  return l;
end

note_lead(lead uuid, notes text) returns client_leads language plpgsql volatile

declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  update public.client_leads as c set notes = note_lead.notes where c.id = lead returning * into l;
  return l;
end

open_business_day(moment timestamp with time zone DEFAULT now()) returns void language plpgsql volatile

begin
  perform portal.lock_ledger();
  perform portal.refresh_metrics(array_agg(s.scope), array_agg(public.business_date(moment)), true)
  from portal.scopes as s join public.client_registry as r on r.scope = s.scope where r.is_active;
end

portal_daily_recap(of_day date DEFAULT (business_date() - 1)) returns TABLE(workspace_name text, billing_type text, emails_sent integer, emails_sent_source text, since date, leads integer, revenue numeric) language sql stable

  select r.workspace_name, r.billing_type,
    case k.source when 'ledger' then coalesce(m.sent, 0) when 'vendor' then v.emails_sent
      when 'difference' then greatest(n.emails_sent - coalesce(b.emails_sent, 0), 0) end,
    k.source, case when k.source = 'difference' then coalesce(b.metric_date, portal.month_start(of_day) - 1) end,
    coalesce(l.leads, 0)::integer,
    case r.billing_type when 'per_lead' then coalesce(l.leads, 0) * r.price_per_lead else 0 end
  from public.client_registry as r
  join portal.scopes as s on s.scope = r.scope
  left join portal.mails_by_day(of_day, of_day) as m on m.scope = r.scope
  left join portal.leads_by_day(of_day, of_day, 'infinity') as l on l.scope = r.scope
  left join public.vendor_metrics as v on v.scope = r.scope and v.metric_date = of_day and v.period = 'day'
  left join public.vendor_metrics as n on n.scope = r.scope and n.metric_date = of_day and n.period = 'mtd'
  left join lateral (
    select emails_sent, metric_date from public.vendor_metrics as o
    where o.scope = r.scope and o.period = 'mtd' and o.metric_date >= portal.month_start(of_day)
      and o.metric_date between of_day - 14 and of_day - 1 and o.emails_sent is not null
    order by o.metric_date desc limit 1
  ) as b on true
  cross join lateral (
    select case
      when s.ledger_since <= public.business_day_start(of_day) then 'ledger'
      when v.emails_sent is not null then 'vendor'
      when n.emails_sent is not null and (b.metric_date is not null or of_day = portal.month_start(of_day)) then 'difference'
    end as source
  ) as k
  where r.is_active
  order by 1

portal_kpis(month date DEFAULT business_date(), as_of timestamp with time zone DEFAULT now()) returns TABLE(scope text, workspace_name text, days_elapsed integer, days_in_month integer, leads integer, lead_target integer, lead_progress numeric, projected_leads integer, projected_progress numeric, leads_last_7_days integer, leads_last_14_days integer, leads_last_30_days integer, week_over_week numeric, leads_last_month integer, versus_last_month numeric, client_status text, color text, emails_sent integer, emails_sent_source text, emails_sent_ledger integer, emails_sent_vendor integer, emails_sent_drift integer, replies integer, reply_rate numeric, reply_rate_status text, interested_rate numeric, opens integer, bounced integer, unsubscribed integer) language sql stable

  with span as (select * from portal.month_span(month, as_of)),
  lead as (
    select d.scope,
      coalesce(sum(d.leads) filter (where d.day >= s.first_day), 0)::integer as mtd,
      coalesce(sum(d.leads) filter (where d.day > s.last_day - 7), 0)::integer as week,
      coalesce(sum(d.leads) filter (where d.day > s.last_day - 14), 0)::integer as fortnight,
      coalesce(sum(d.leads) filter (where d.day > s.last_day - 30), 0)::integer as thirty,
      coalesce(sum(d.leads) filter (where d.day < s.first_day and d.day >= portal.month_start(s.first_day - 1)), 0)::integer
        as last_month
    from span as s
    cross join lateral portal.leads_by_day(
      least(portal.month_start(s.first_day - 1), s.last_day - 29), s.last_day, as_of) as d
    group by d.scope
  ),
  mail as (
    select d.scope, sum(d.replied)::integer as replied, sum(d.interested)::integer as interested,
      sum(d.opened)::integer as opened, sum(d.bounced)::integer as bounced, sum(d.unsubscribed)::integer as unsubscribed
    from span as s cross join lateral portal.mails_by_day(s.first_day, s.last_day) as d group by d.scope
  ),
  figures as (
    select r.scope, r.workspace_name, s.elapsed, s.days, r.monthly_kpi_target as target,
      coalesce(l.mtd, 0) as mtd, coalesce(l.week, 0) as week, coalesce(l.fortnight, 0) as fortnight,
      coalesce(l.thirty, 0) as thirty, coalesce(l.last_month, 0) as last_month,
      -- At the pace so far, to the end of the month.
      round(coalesce(l.mtd, 0)::numeric * s.days / nullif(s.elapsed, 0))::integer as projected,
      t.sent, t.source, t.ledger, t.vendor, coalesce(m.replied, 0) as replied, coalesce(m.interested, 0) as interested,
      coalesce(m.opened, 0) as opened, coalesce(m.bounced, 0) as bounced, coalesce(m.unsubscribed, 0) as unsubscribed,
      -- Replies of mails sent, percent; nothing sent, nothing measured.
      portal.percent(coalesce(m.replied, 0), t.sent) as rate
    from span as s
    cross join public.client_registry as r
    join portal.sent_in_month(s.first_day, s.last_day) as t on t.scope = r.scope
    left join lead as l on l.scope = r.scope
    left join mail as m on m.scope = r.scope
    where r.is_active and r.kpi_dashboard_enabled
  )
  select scope, workspace_name, elapsed, days, mtd, target,
    portal.percent(mtd, target), projected, portal.percent(projected, target),
    week, fortnight, thirty, portal.week_over_week(week, fortnight),
    -- The month so far with the whole of the last one.
    last_month, portal.percent(mtd - last_month, last_month),
    case when target = 0 then null when mtd >= target then 'above' when projected >= target then 'ontrack' else 'below' end,
    case when target = 0 then null when mtd >= target then 'green' when mtd >= 0.8 * target then 'amber' else 'red' end,
    sent, source, ledger, vendor, ledger - vendor,
    replied, rate, case when rate >= 0.3 then 'good' when rate >= 0.2 then 'warning' when rate is not null then 'critical' end,
    portal.percent(interested, replied), opened, bounced, unsubscribed
  from figures
  order by workspace_name

portal_mailbox_alerts(as_of timestamp with time zone DEFAULT now()) returns TABLE(workspace_name text, rule text, level text, priority integer, mailboxes bigint, examples text[]) language sql stable

  with rules (rule, level, priority, more_than) as (
    select v.* from portal.mailbox_rules as r
    cross join lateral (values
      ('disconnected', 'critical', 1, 0), ('burnt', 'critical', 2, 0), ('high_bounce', 'warning', 2, 0),
      ('zero_reply', 'warning', 3, 0), ('low_reply', 'warning', 4, r.low_reply_more_than),
      ('idle', 'info', 6, r.idle_more_than)
    ) as v
  ),
  read as (
    select s.workspace_name, max(f.full_pass_at) as read_at
    from portal.scopes as s
    join public.client_registry as r on r.scope = s.scope and r.is_active
    left join lockstep.freshness as f on f.app = 'portal' and f.table_name = 'sender_emails_cache'
      and f.stream like s.scope || '/%'
    group by s.workspace_name
  )
  select h.workspace_name, r.rule, r.level, r.priority, count(*),
    (array_agg(h.email_address order by h.emails_sent desc, h.bison_key))[1:10]
  from public.mailbox_health as h
  cross join lateral unnest(h.problems) as p (rule)
  join rules as r on r.rule = p.rule
  group by grouping sets ((h.workspace_name, r.rule, r.level, r.priority, r.more_than), (r.rule, r.level, r.priority, r.more_than))
  having count(*) > r.more_than
  union all
  select workspace_name, 'stale', case when old then 'critical' else 'warning' end, case when old then 2 else 5 end, 1, '{}'
  from (
    select t.*, coalesce(read_at < as_of - m.stale_critical_hours * interval '1 hour', true) as old,
      m.stale_warning_hours
    from read as t cross join portal.mailbox_rules as m
  ) as t
  where old or read_at < as_of - stale_warning_hours * interval '1 hour'
  order by 4, 1 nulls first, 2

portal_mailbox_capacity() returns TABLE(workspace_name text, mailboxes bigint, connected bigint, capacity bigint, available bigint, wanted integer, shortfall bigint, utilization numeric, zero_reply_percentage numeric, price numeric, price_per_mailbox numeric) language sql stable

  select r.workspace_name, count(s.id), count(s.id) filter (where lower(s.status) = 'connected'),
    coalesce(sum(s.volume_per_account), 0), coalesce(sum(s.daily_limit), 0), r.daily_sending_target,
    greatest(r.daily_sending_target - coalesce(sum(s.daily_limit), 0), 0),
    portal.percent(sum(s.daily_limit), sum(s.volume_per_account)),
    portal.percent(count(s.id) filter (where coalesce(s.total_replied_count, 0) = 0), count(s.id)),
    round(coalesce(sum(s.price), 0), 2), round(sum(s.price) / nullif(count(s.id), 0), 2)
  from public.client_registry as r
  left join public.sender_emails_cache as s
    on s.bison_instance = r.bison_instance and s.bison_workspace_id = r.bison_workspace_id
  where r.is_active
  group by r.workspace_name, r.daily_sending_target
  order by 1

portal_provider_rates(min_sent integer DEFAULT 50) returns TABLE(dimension text, name text, mailboxes bigint, emails_sent bigint, replies bigint, reply_rate numeric) language sql stable

  select d.dimension, d.name, count(*), sum(m.emails_sent_count), coalesce(sum(m.total_replied_count), 0),
    portal.percent(coalesce(sum(m.total_replied_count), 0), sum(m.emails_sent_count))
  from portal.mailboxes as m
  cross join lateral (values ('provider', m.provider), ('reseller', m.reseller)) as d (dimension, name)
  where m.emails_sent_count >= min_sent
  group by 1, 2
  order by 1, 6 desc nulls last, 2

portal_revenue(month date DEFAULT business_date(), as_of timestamp with time zone DEFAULT now()) returns TABLE(place bigint, workspace_name text, billing_type text, leads integer, lead_target integer, price_per_lead numeric, revenue numeric, possible numeric, gap numeric, costs numeric, costs_source text, profit numeric, margin numeric) language sql stable

  with span as (select * from portal.month_span(month, as_of)),
  figures as (
    select r.workspace_name, r.billing_type, coalesce(l.leads, 0)::integer as leads, r.monthly_kpi_target as target,
      r.price_per_lead as price,
      case r.billing_type when 'per_lead' then coalesce(l.leads, 0) * r.price_per_lead else r.retainer_amount end as revenue,
      case r.billing_type when 'per_lead' then r.monthly_kpi_target * r.price_per_lead else r.retainer_amount end as possible,
      coalesce(c.amount, b.price, 0) as costs, case when c.amount is null then 'mailboxes' else 'entered' end as costs_source
    from span as s
    cross join public.client_registry as r
    left join (
      select d.scope, sum(d.leads) as leads
      from span as s cross join lateral portal.leads_by_day(s.first_day, s.last_day, as_of) as d group by d.scope
    ) as l on l.scope = r.scope
    left join public.client_costs as c
      on c.workspace_name = r.workspace_name and c.month_year = to_char(s.first_day, 'YYYY-MM')
    left join (
      select workspace_name, sum(price) as price from public.sender_emails_cache
      where lower(status) = 'connected' group by workspace_name
    ) as b on b.workspace_name = r.workspace_name
    where r.is_active
  )
  select row_number() over (order by revenue desc, workspace_name), workspace_name, billing_type, leads, target, price,
    revenue, possible, possible - revenue, round(costs, 2), costs_source, round(revenue - costs, 2),
    portal.percent(revenue - costs, revenue)
  from figures
  order by 1

portal_revenue_forecast(month date DEFAULT business_date(), as_of timestamp with time zone DEFAULT now()) returns TABLE(revenue numeric, possible numeric, gap numeric, daily_average numeric, linear numeric, velocity numeric, conservative numeric, optimistic numeric, billable_revenue numeric, billable_conservative numeric, billable_optimistic numeric, average_progress numeric, confidence text) language sql stable

  with span as (select * from portal.month_span(month, as_of)),
  total as (
    select sum(revenue) as mtd, sum(possible) as possible,
      coalesce(sum(revenue) filter (where billing_type = 'per_lead'), 0) as lead_mtd,
      coalesce(sum(possible) filter (where billing_type = 'per_lead'), 0) as lead_possible,
      avg(portal.percent(leads, lead_target)) as progress
    from public.portal_revenue(month, as_of)
  ),
  paced as (
    select t.*, s.*, s.days - s.elapsed as remaining,
      case when not s.is_over then t.mtd / nullif(s.elapsed, 0) end as average,
      case when not s.is_over then t.lead_mtd / nullif(s.elapsed, 0) end as lead_average
    from total as t cross join span as s
  )
  select mtd, possible, possible - mtd, round(average, 2), round(average * days, 2),
    round(average * days * progress / 100, 2), case when not is_over then round(least(average * days, possible), 2) end, round(average * days * 1.1, 2),
    lead_mtd, case when not is_over then round(least(lead_mtd + lead_average * remaining, lead_possible), 2) end,
    case when not is_over then round(lead_mtd + lead_possible / days * remaining, 2) end, round(progress, 2),
    case when is_over then null when progress >= 80 then 'high' when progress >= 60 then 'medium' else 'low' end
  from paced

portal_volume(month date DEFAULT business_date(), as_of timestamp with time zone DEFAULT now()) returns TABLE(place bigint, scope text, workspace_name text, emails_sent integer, emails_sent_source text, sending_target integer, progress numeric, daily_quota numeric, expected_by_now numeric, is_on_track boolean, projected_emails integer, projected_progress numeric, category text, scheduled_today integer, scheduled_tomorrow integer, daily_goal integer) language sql stable

  with span as (select * from portal.month_span(month, as_of)),
  figures as (
    select r.scope, r.workspace_name, t.sent, t.source, r.monthly_sending_target as target, s.elapsed,
      r.monthly_sending_target::numeric / s.days as quota,
      round(t.sent::numeric * s.days / nullif(s.elapsed, 0))::integer as projected,
      v.emails_scheduled_today, v.emails_scheduled_tomorrow,
      -- What somebody set for a day, else a thirtieth of the month's target.
      coalesce(nullif(r.daily_sending_target, 0), round(r.monthly_sending_target / 30.0))::integer as goal
    from span as s
    cross join public.client_registry as r
    join portal.sent_in_month(s.first_day, s.last_day) as t on t.scope = r.scope
    left join public.vendor_metrics as v on v.scope = r.scope and v.metric_date = s.last_day and v.period = 'mtd'
    where r.is_active and r.volume_dashboard_enabled
  ),
  judged as (
    select f.*, portal.percent(projected, target) as pace from figures as f
  )
  select row_number() over (order by sent = 0, case c.category when 'On Pace' then 0 when 'Near Target' then 1 when 'Behind' then 2 else 3 end,
      case when c.category = 'On Pace' then -pace else pace end, workspace_name),
    scope, workspace_name, sent, source, target, portal.percent(sent, target), round(quota, 2), round(quota * elapsed, 2),
    sent >= quota * elapsed, projected, pace, c.category, emails_scheduled_today, emails_scheduled_tomorrow, goal
  from judged
  cross join lateral (
    select case when target = 0 then null when pace >= 100 then 'On Pace' when pace >= 80 then 'Near Target' else 'Behind' end
      as category
  ) as c
  order by 1

portal_volume_banner(as_of timestamp with time zone DEFAULT now()) returns TABLE(scheduled_today bigint, daily_goal bigint, today_progress numeric, status text, scheduled_tomorrow bigint, tomorrow_change numeric, tomorrow_trend text, clients bigint, clients_unread bigint) language sql stable

  select today, goal, progress,
    case when progress >= 90 then 'On Target' when progress >= 70 then 'Below Target' when progress is not null then 'Critical' end,
    tomorrow, change, case when change > 5 then 'up' when change < -5 then 'down' when change is not null then 'flat' end,
    clients, unread
  from (
    select sum(scheduled_today) as today, sum(daily_goal) filter (where scheduled_today is not null) as goal,
      portal.percent(sum(scheduled_today), sum(daily_goal) filter (where scheduled_today is not null)) as progress,
      sum(scheduled_tomorrow) as tomorrow,
      portal.percent(sum(scheduled_tomorrow) - sum(scheduled_today), sum(scheduled_today)) as change,
      count(*) as clients, count(*) filter (where scheduled_today is null) as unread
    from public.portal_volume(public.business_date(as_of), as_of)
  ) as v

portal_warnings(as_of timestamp with time zone DEFAULT now()) returns TABLE(workspace_name text, warning text, value numeric) language sql stable

  select k.workspace_name, w.warning, w.value
  from public.portal_kpis(public.business_date(as_of), as_of) as k
  left join public.client_metrics as m on m.scope = k.scope and m.metric_date = public.business_date(as_of)
    and m.metric_type = 'mtd'
  cross join lateral (
    select coalesce(sum(d.sent), 0) as sent, portal.percent(sum(d.replied), sum(d.sent)) as rate
    from portal.mails_by_day(public.business_date(as_of), public.business_date(as_of)) as d where d.scope = k.scope
  ) as t
  cross join lateral (values
    ('progress over 1000 %', k.lead_progress, k.lead_progress > 1000),
    ('no target', 0, k.lead_target = 0),
    ('more this month than in the last 30 days', m.emails_sent_mtd, m.emails_sent_mtd > m.emails_sent_last_30_days
      and extract(day from m.metric_date) <= 30),
    ('over a million mails this month', k.emails_sent, k.emails_sent > 1000000),
    ('over 100,000 mails scheduled for a day', greatest(m.emails_scheduled_today, m.emails_scheduled_tomorrow),
      greatest(m.emails_scheduled_today, m.emails_scheduled_tomorrow) > 100000),
    ('a negative count', least(m.emails_sent_mtd, m.all_replies_mtd, m.opens_mtd, m.bounced_mtd, m.unsubscribed_mtd,
      m.positive_replies_mtd), least(m.emails_sent_mtd, m.all_replies_mtd, m.opens_mtd, m.bounced_mtd,
      m.unsubscribed_mtd, m.positive_replies_mtd) < 0),
    -- Replies of the day's mails under 0.3 %, where over a hundred were sent.
    ('few replies today', t.rate, t.sent > 100 and t.rate < 0.3)
  ) as w (warning, value, holds)
  where w.holds
  order by 1, 2

refresh_analytics_views() returns void language plpgsql volatile

begin
  refresh materialized view concurrently public.conversion_metrics;
  refresh materialized view concurrently public.conversion_metrics_recent;
end

restore_lead(lead uuid) returns client_leads language plpgsql volatile

declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  update public.client_leads set deleted_at = null, deleted_by_user_id = null, deletion_reason = null
  where id = lead returning * into l;
  return l;
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

set_business_time_zone(zone text) returns boolean language plpgsql volatile

begin
  perform now() at time zone zone;
  perform portal.lock_ledger();
  update portal.settings set time_zone = zone, updated_at = clock_timestamp() where time_zone <> zone;
  if not found then return false; end if;
  perform portal.recount_all();
  return true;
end

snapshot_providers(day date DEFAULT business_date()) returns integer language plpgsql volatile

declare
  v_before date := (select max(snapshot_date) from portal.mailbox_marks where snapshot_date < day);
  v_count integer;
begin
  delete from portal.mailbox_marks where snapshot_date = day or snapshot_date < day - 14;
  insert into portal.mailbox_marks (snapshot_date, account, emails_sent, total_replied, unique_replied, bounced)
  select day, account, coalesce(emails_sent_count, 0), coalesce(total_replied_count, 0),
    coalesce(unique_replied_count, 0), coalesce(bounced_count, 0)
  from portal.mailboxes where account is not null;
  delete from public.provider_performance_history where snapshot_date = day;
  insert into public.provider_performance_history
  select a.email_provider, a.bison_instance, day, a.total_accounts, a.active_accounts, a.total_sent, a.total_replies,
    a.unique_replies, a.total_bounces, a.avg_reply_rate, a.avg_emails_per_account, a.total_daily_limit,
    a.total_volume_capacity, a.utilization_percentage, d.sent, d.replies, d.unique_replies, d.bounces
  from public.aggregate_provider_stats() as a
  left join (
    select m.provider, m.bison_instance, sum(n.emails_sent - o.emails_sent) as sent,
      sum(n.total_replied - o.total_replied) as replies, sum(n.unique_replied - o.unique_replied) as unique_replies,
      sum(n.bounced - o.bounced) as bounces
    from portal.mailboxes as m
    join portal.mailbox_marks as n on n.snapshot_date = day and n.account = m.account
    join portal.mailbox_marks as o on o.snapshot_date = v_before and o.account = m.account
    -- A counter that fell was set back at the vendor: the difference says nothing.
    where n.emails_sent >= o.emails_sent and n.total_replied >= o.total_replied
    group by m.provider, m.bison_instance
  ) as d on (d.provider, d.bison_instance) = (a.email_provider, a.bison_instance);
  get diagnostics v_count = row_count;
  return v_count;
end

win_lead(lead uuid, premium numeric, policy text, actor text DEFAULT portal.who()) returns client_leads language plpgsql volatile

declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  if premium is null or policy is null then
    raise exception 'a lead is won with a premium and a policy type' using errcode = '23514';
  end if;
  update public.client_leads set premium_amount = premium, policy_type = policy, human_stage = 'won',
    human_stage_at = clock_timestamp(), human_stage_by = actor
  where id = lead returning * into l;
  return l;
end

