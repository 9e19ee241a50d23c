// Package simulate is a fleet of API tokens that never was: companies, the people, servers and jobs that use their
// tokens, and now and then a thief. It writes what the gateways of such an API would log, and it knows the truth.
//
//	Config ──► Fleet ──┬─► History()  weeks of ordinary life      ┐  Records in time order, as NGINX, Kong,
//	 (a seed,          ├─► Live()     ordinary life and stories   │  Envoy and eight others log them
//	  a Plan)          ├─► All()      both in one                 ┘
//	                   ├─► Stories()  what was theft, what only looks like it
//	                   ├─► Labels()   the same, a line a token: what a judge of detectors reads
//	                   └─► Tokens()   who is who
//
//	owner ─► token ─► habit (person, server, worker, cron, batch, ci) ─► request ─► gateway ─► Record
//	Plan ─► casting ─► visits of thieves, tales that honest tokens live through
//
// Without a Plan there is one story of each kind within a few hours, to be shown to people. With one there are as many as
// it says over weeks, to be counted; people then keep the hours, and services have the bursts, that were measured on
// real ones (rhythm.go, weather.go).
//
// It owns the world: where people live, when they sleep, how leases, carriers, flights, deploys and outages behave.
// It refuses to know how anything is detected: it imports neither ingest nor detect nor alert, and no parameter here
// was chosen for what a detector can find.
//
// Everything is drawn from (seed, token, hour), so a token's hour can be generated alone and in any order: memory
// holds one hour of the fleet and the plans of its thieves, and the same Config gives the same bytes.
package simulate
