// Package alert turns findings into the few messages that a person should read, and
// gets them there.
//
//	[]Finding ─Accept─► incident, one a token ─save─► Log
//	                        │ new revision
//	          ┌─────────────┼──────────────┐
//	       outbox         outbox         outbox       one worker each, so that a dead
//	          │ Compose      │              │         destination holds up nobody else
//	        slack        telegram        revoke
//	          └──────── ref, error ────────┘
//	                        │
//	                    Delivery ─save─► Log
//
// It owns the incident: when one opens, what a further finding changes, when it
// resolves, and what a message about it says. [Open], [Update] and [Resolve] are pure;
// the [Dispatcher] adds the durable part. Accept returns once the change is in the Log,
// and a dispatcher that starts on that Log delivers whatever its predecessor did not, so
// a kill -9 loses nothing. It can repeat a message: one that was accepted by its
// destination a moment before the crash, too late for the Log to hear of it.
//
// It refuses vendors. Slack, Telegram and the revoke webhook live in rooms of their own
// and meet it as a [Notifier].
package alert
