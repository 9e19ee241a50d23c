// Package alert turns findings into the few messages that a person should read, and
// gets them there.
//
//	findings ─► Consumer, one a partition ─Accept─► incident, one a token ─save─► journal ─copy─► archive
//	                                                    │ new revision           (Kafka)        (ClickHouse)
//	                          ┌─────────────┬───────────┴──┐
//	                       outbox        outbox         outbox     one worker each, so that a dead
//	                          │ Compose     │              │       destination holds up nobody else
//	                        slack       telegram        revoke
//	                          └──── ref, error ─► Delivery ─save─► journal
//
// It owns the incident: when one opens, what a further finding changes, when it
// resolves, who is told of it (routes, quiet hours, silences), and what a message about it says. [Open], [Update],
// [Resolve] and [Config.Decide] are pure; the [Dispatcher] adds the durable part, and the [Consumer] shares it out
// among instances. Accept returns once the change is in the Log, with an entry for each destination that is to hear of
// it, and whoever goes on with that Log delivers whatever its predecessor did not, so a kill -9 loses nothing. It can
// repeat a message: one that was accepted by its destination a moment before the crash, too late for the Log to
// hear of it, if the destination can neither be searched nor recognise a key ([Finder], [Message]).
//
// It refuses vendors. Slack, Telegram and the others live in rooms of their own
// and meet it as a [Notifier]. It refuses Kafka and ClickHouse too: they are a [Journal], a [Claim] and an [Archive].
package alert
