package alert_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Several instances hear of one approval in the same moment, of an incident that none of them has any more. Whoever
// its findings would come to calls the gateway; where that is nobody, one of them does.
func TestOneInstanceCalls(t *testing.T) {
	for name, c := range map[string]struct {
		near  string        // the instance that findings come to
		after time.Duration // by when the call was made
	}{
		"one is near":    {"two", 1500 * time.Millisecond},
		"nobody is near": {"", 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := finding(1, 1, time.Now())
				inc := alert.Open(&f)
				log, shared, gates := newMemory(), &trail{}, map[string]*gate{}
				if err := log.SaveIncident(t.Context(), &inc); err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				var running sync.WaitGroup
				defer running.Wait()
				defer stop()
				var revokers []*alert.Revoker
				for _, instance := range []string{"one", "two", "three", "four"} {
					gates[instance] = &gate{}
					r, err := alert.NewRevoker(revokeConfig(alert.RevokeAsk), alert.RevokerParts{
						Gateways: []alert.Gateway{gates[instance]}, Audit: shared, Instance: instance, Find: log.Incident,
						Show: func(context.Context, string, schema.Revocation) error { return nil },
						Owns: func(string) bool { return false }, Near: func(schema.TokenID) bool { return instance == c.near },
					})
					if err != nil {
						t.Fatal(err)
					}
					revokers = append(revokers, r)
					running.Go(func() { _ = r.Run(ctx) })
				}
				v := schema.Verdict{ID: "v1", Incident: inc.ID, Token: inc.Token, Kind: schema.VerdictRevoke, By: "slack:U1 (alice)", At: time.Now()}
				for _, r := range revokers {
					r.Order(v)
				}
				calls := func() (n int) {
					for _, g := range gates {
						n += len(g.made())
					}
					return n
				}
				time.Sleep(c.after)
				synctest.Wait()
				if n := calls(); n != 1 {
					t.Errorf("%d calls after %s", n, c.after)
				}
				if c.near != "" && len(gates[c.near].made()) != 1 {
					t.Errorf("another than %s called", c.near)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := calls(); n != 1 {
					t.Errorf("%d calls in the end", n)
				}
			})
		})
	}
}
