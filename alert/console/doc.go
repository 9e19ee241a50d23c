// Package console is the web console that an alert links to: a person sees what a token did beside what is normal for
// it, decides within a minute, or takes the question to SQL.
//
//	browser ──► Server ──► signin   who is asking, and what may they do
//	               │ GET      a page: Store ──► schema/board ──► templates/*.html
//	               │ POST     an act: Desk ──► verdict, silence, allowance; written down in the audit before it is done
//	               └ /live    what changed: one reader for all who look
//
// It owns pages, what is in them and how they look, and who may ask for them. Pages are made on the server and can be
// read without JavaScript; static/ adds to them, and nothing is fetched from elsewhere at run time.
//
// It refuses to know the store and the engines: it asks a Store and acts through a Desk. It refuses to decide: a press
// is the same verdict that a button in Slack gives. What comes from outside stays text: html/template escapes it,
// and the Content-Security-Policy runs nothing that stands in a page.
package console
