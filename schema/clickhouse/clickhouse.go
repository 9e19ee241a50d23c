// Package clickhouse keeps tokenwatch's nouns in ClickHouse and reads them back. It
// owns the tables and views (migrations/), the way rows travel (columns, never one row
// at a time) and the promise that a block is stored exactly once.
//
//	          InsertBlock                                     ┐ views: token_profile,
//	ingest ──────────────► events ─────────► activity_hours   ├ token_places, token_hours,
//	             └───────► dead_letters                       ┘ token_rate, ingest_audit, ...
//	detect ──────────────► findings, profiles ◄── Profiles, Events (warm-up)
//	alert  ──────────────► incidents          ◄── Incidents (after a restart)
//
// Blocks and everything else that is large go through ch-go, which writes columns
// straight into the wire format; migrations and small queries go through clickhouse-go
// and database/sql. Both speak to the server that the DSN names.
//
// It refuses to decide anything about the rows, to retry (callers do, guided by
// [Retryable]), and to print the DSN's password.
package clickhouse
