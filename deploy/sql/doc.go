// Package sql is the analyst's desk: the hunting queries (a file each in this folder) and the prompt that
// `tokenwatch sql` opens.
//
//	*.sql ──► Hunts ──► \r new-countries hours=48 ─┐
//	keyboard, pipe, --query ──► statements ────────┴──► Store ──► table, csv, json, ...
//
// A hunting query is a plain file: comments that say what it is for, what its answer means, which MITRE ATT&CK
// technique it looks for and which parameters it has, then one statement. So it can be read here, run in the
// prompt, or given to any other ClickHouse client.
//
// It refuses to know ClickHouse: a Store asks, and says what came back. It refuses to change anything: whether a
// statement may is the Store's to decide.
package sql
