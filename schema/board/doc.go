// Package board holds the nouns of what people look at: sums and lists, read from what is stored, as the console shows
// them. They are made in schema/clickhouse and shown in alert/console; nothing is decided on them.
//
// Texts in them come from outside (paths, user agents, owners' names): they may be of any length, invalid UTF-8 or
// HTML. Whoever shows them escapes and shortens them.
package board
