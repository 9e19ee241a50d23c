package clickhouse_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

func profile(token byte, offset int64, state string) schema.Profile {
	return schema.Profile{
		Topic: "gateway.access", Partition: 3, Token: schema.TokenID{token}, Offset: offset, Updated: noon,
		Status: schema.ProfileActive, Days: 21, Events: uint64(offset) + 1, State: []byte(state),
	}
}

func profiles(t *testing.T, db *clickhouse.DB, topic string, partition int32) map[schema.TokenID]schema.Profile {
	t.Helper()
	found := map[schema.TokenID]schema.Profile{}
	err := db.Profiles(t.Context(), topic, partition, func(p schema.Profile) error {
		if _, twice := found[p.Token]; twice {
			t.Errorf("token %s comes twice", p.Token)
		}
		found[p.Token] = p
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func save(t *testing.T, db *clickhouse.DB, list ...schema.Profile) {
	t.Helper()
	if err := db.SaveProfiles(t.Context(), list); err != nil {
		t.Fatal(err)
	}
}

var onlyProfile = []schema.Profile{profile(1, 1, "x")}

func TestNewestProfileWins(t *testing.T) {
	db := migrated(t)
	other := profile(1, 7, "elsewhere")
	other.Partition = 4
	save(t, db, profile(1, 100, "new"), profile(2, 100, "\x00\xff binary"), profile(0, 100, "shared"), other)
	save(t, db, profile(1, 50, "late, but older"), profile(2, 100, "the same offset again"))
	save(t, db)

	got := profiles(t, db, "gateway.access", 3)
	if len(got) != 3 {
		t.Fatalf("%d profiles, want 3", len(got))
	}
	for _, want := range []schema.Profile{profile(1, 100, "new"), profile(2, 100, "the same offset again"), profile(0, 100, "shared")} {
		have := got[want.Token]
		if !bytes.Equal(have.State, want.State) {
			t.Errorf("token %s: state %q, want %q", want.Token, have.State, want.State)
		}
		have.State, want.State = nil, nil
		if !sameProfile(have, want) {
			t.Errorf("have %+v\nwant %+v", have, want)
		}
	}
	if none := profiles(t, db, "gateway.access", 9); len(none) != 0 {
		t.Errorf("a partition without profiles has %d", len(none))
	}
}

func sameProfile(a, b schema.Profile) bool {
	return a.Topic == b.Topic && a.Partition == b.Partition && a.Token == b.Token && a.Offset == b.Offset &&
		a.Updated.Equal(b.Updated) && a.Status == b.Status && a.Days == b.Days && a.Events == b.Events
}

// More profiles than fit one insert, a kilobyte each; the state is the reader's to keep.
func TestManyProfiles(t *testing.T) {
	db := migrated(t)
	const count = 45_000
	list := make([]schema.Profile, count)
	for i := range list {
		list[i] = profile(0, int64(i), string(bytes.Repeat([]byte{byte(i)}, 1000)))
		list[i].Token = schema.TokenID{byte(i), byte(i >> 8), byte(i >> 16)}
		list[i].Updated = time.Time{}
	}
	save(t, db, list...)
	got := profiles(t, db, "gateway.access", 3)
	if len(got) != count {
		t.Fatalf("%d profiles, want %d", len(got), count)
	}
	for _, want := range list {
		have := got[want.Token]
		if !bytes.Equal(have.State, want.State) || !have.Updated.IsZero() {
			t.Fatalf("profile %d came back as %d of %s", want.Offset, have.Offset, have.Updated)
		}
	}
	stop := errors.New("stop")
	if err := db.Profiles(t.Context(), "gateway.access", 3, func(schema.Profile) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the reader's error became %v", err)
	}
}
