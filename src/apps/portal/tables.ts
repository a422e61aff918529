import { type ColumnSpec, type ColumnType, defineTable, type TableSpec } from '../../mirror/table-spec.ts'
import { COLUMNS, type Kind } from '../../sources/email-bison/columns.ts'

const owned =
  (owner: ColumnSpec['owner']) =>
  (columns: Readonly<Record<string, ColumnType>>): Record<string, ColumnSpec> =>
    Object.fromEntries(Object.entries(columns).map(([name, type]) => [name, { type, owner }]))
/** Computed here. */
const derived = owned('derived')
/** People's. */
const local = owned('local')
/** What a read brings. */
const told = (kind: Kind): Record<string, ColumnSpec> => owned('source')(COLUMNS[kind])

const KEY = 'bison_key'

/** One row is one workspace: a client of the agency's. */
export const clientRegistry: TableSpec = defineTable({
  name: 'client_registry',
  key: KEY,
  columns: {
    ...told('workspaces'),
    ...derived({
      workspace_name: 'text',
      workspace_id: 'integer',
      scope: 'text',
      bison_timezone: 'text',
      bison_max_emails_per_day: 'integer',
      bison_daily_limit: 'integer',
      bison_settings_at: 'timestamptz',
      effective_timezone: 'text',
      announced_at: 'timestamptz',
    }),
    ...local({
      display_name: 'text',
      client_type: 'text',
      is_active: 'boolean',
      is_agency: 'boolean',
      monthly_kpi_target: 'integer',
      monthly_sending_target: 'integer',
      daily_sending_target: 'integer',
      billing_type: 'text',
      price_per_lead: 'numeric',
      retainer_amount: 'numeric',
      payout: 'numeric',
      kpi_dashboard_enabled: 'boolean',
      volume_dashboard_enabled: 'boolean',
      portal_access_enabled: 'boolean',
      live_replies_enabled: 'boolean',
      disconnect_notifications_enabled: 'boolean',
      timezone: 'text',
      notes: 'text',
    }),
  },
  watch: ['bison_workspace_name'],
})

/** One row is one mailbox as one workspace sees it. */
export const senderEmails: TableSpec = defineTable({
  name: 'sender_emails_cache',
  key: KEY,
  columns: {
    ...told('senders'),
    ...derived({
      workspace_name: 'text',
      reply_rate_percentage: 'numeric',
      email_provider: 'text',
      reseller: 'text',
      domain: 'text',
      mailboxes_on_domain: 'integer',
      price: 'numeric',
      price_source: 'text',
      pricing_needs_review: 'boolean',
      volume_per_account: 'integer',
    }),
    ...local({ price_override: 'numeric', volume_override: 'integer', notes: 'text' }),
  },
  watch: ['email_address'],
})

export const campaigns: TableSpec = defineTable({
  name: 'campaigns',
  key: KEY,
  columns: {
    ...told('campaigns'),
    ...derived({
      workspace_name: 'text',
      is_active: 'boolean',
      emails_scheduled_today: 'integer',
      emails_scheduled_tomorrow: 'integer',
      schedule_read_on: 'date',
    }),
  },
  watch: ['include_auto_replies_in_stats'],
})

/** One row is one mail in an inbox of the vendor's: replies, bounces, and mails of our own. */
export const leadReplies: TableSpec = defineTable({
  name: 'lead_replies',
  key: KEY,
  columns: {
    ...told('replies'),
    ...derived({
      workspace_name: 'text',
      bison_sentiment: 'text',
      sentiment: 'text',
      sentiment_source: 'text',
    }),
    ...local({
      is_handled: 'boolean',
      handled_at: 'timestamptz',
      handled_by: 'text',
      needs_review: 'boolean',
    }),
  },
})

export const portalTables: readonly TableSpec[] = [clientRegistry, senderEmails, campaigns, leadReplies]
