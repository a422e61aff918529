/** The GraphQL documents that we send. Each is valid against monday's schema of the pinned API version. */

const COMPLEXITY = 'complexity { query after reset_in_x_seconds }'

const ITEM = `
fragment ItemRow on Item {
  id name state created_at updated_at creator_id
  board { id }
  group { id title }
  parent_item { id }
  column_values(ids: $columns) {
    id type text value
    ... on BoardRelationValue { linked_item_ids display_value }
    ... on DependencyValue { linked_item_ids display_value }
    ... on SubtasksValue { subitems_ids display_value }
    ... on MirrorValue { display_value }
    ... on FormulaValue { display_value }
  }
}`

export const FIRST_PAGE = `
query FirstPage($board: [ID!], $limit: Int!, $columns: [String!], $order: ItemsQuery) {
  ${COMPLEXITY}
  boards(ids: $board, state: all) {
    id state items_count
    items_page(limit: $limit, query_params: $order) { cursor items { ...ItemRow } }
  }
}${ITEM}`

export const NEXT_PAGE = `
query NextPage($cursor: String!, $limit: Int!, $columns: [String!]) {
  ${COMPLEXITY}
  next_items_page(cursor: $cursor, limit: $limit) { cursor items { ...ItemRow } }
}${ITEM}`

// The board is asked for beside its items: a token that may no longer see it gets neither, and that is no delete.
export const ITEMS = `
query Items($ids: [ID!], $limit: Int!, $board: [ID!], $columns: [String!]) {
  ${COMPLEXITY}
  boards(ids: $board, state: all) { id state }
  items(ids: $ids, limit: $limit) { ...ItemRow }
}${ITEM}`

export const BOARDS = `
query Boards($ids: [ID!], $limit: Int!) {
  ${COMPLEXITY}
  boards(ids: $ids, limit: $limit, state: all) {
    id name state type items_count
    columns { id title type archived settings }
  }
}`

export const ALL_BOARDS = `
query AllBoards($limit: Int!, $page: Int!) {
  ${COMPLEXITY}
  boards(limit: $limit, page: $page, state: active) {
    id name state type items_count
    columns { id title type archived settings }
  }
}`

export const USERS = `
query Users($limit: Int!, $page: Int!) {
  ${COMPLEXITY}
  users(limit: $limit, page: $page) { id name }
}`

export const ME = `
query Me {
  ${COMPLEXITY}
  me { id name account { id name } }
}`

export const WEBHOOKS = `
query Webhooks($board: ID!) {
  ${COMPLEXITY}
  webhooks(board_id: $board) { id event board_id }
}`

export const CREATE_WEBHOOK = `
mutation CreateWebhook($board: ID!, $url: String!, $event: WebhookEventType!) {
  create_webhook(board_id: $board, url: $url, event: $event) { id board_id }
}`

export const DELETE_WEBHOOK = `
mutation DeleteWebhook($id: ID!) {
  delete_webhook(id: $id) { id board_id }
}`
