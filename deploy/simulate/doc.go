// Package simulate is a fleet of API tokens that never was: companies, the people, servers and jobs that use their
// tokens, and now and then a thief. It writes what the gateways of such an API would log, and it knows the truth.
//
//	Config ──► Fleet ──┬─► History()  weeks of ordinary life      ┐  Records in time order:
//	 (a seed)          ├─► Live()     ordinary life and stories   ┘  NGINX and Kong access logs
//	                   ├─► Stories()  what was theft, what only looks like it
//	                   └─► Tokens()   who is who
//
//	owner ─► token ─► habit (person, server, cron, batch, ci) ─► request ─► gateway (nginx, kong) ─► Record
//
// It owns the world: where people live, when they sleep, how leases, carriers, flights, deploys and outages behave.
// It refuses to know how anything is detected: it imports neither ingest nor detect nor alert, and no parameter here
// was chosen for what a detector can find.
//
// Everything is drawn from (seed, token, hour), so a token's hour can be generated alone and in any order: memory
// holds one hour of the fleet, and the same Config gives the same bytes.
package simulate
