package console

import (
	"context"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// systemStore is what these pages ask the store.
type systemStore interface {
	Server(ctx context.Context) (version string, uptime time.Duration, err error)
	Tables(ctx context.Context) (tables []board.Table, free, total uint64, err error)
	Letters(ctx context.Context) ([]board.Letter, error)
	Destinations(ctx context.Context) ([]board.Destination, error)
	MissingOffsets(ctx context.Context) ([]board.Missing, error)
	Instances(ctx context.Context, since time.Time) ([]board.Vitals, error)
}

// Vitals say how this process is, and what its configuration says that pages show. They answer at once.
type Vitals interface {
	Vitals() board.Vitals
	// Allowed are the entries of the allow-list that the configuration has.
	Allowed() []schema.Allowance
	// Detectors names all there are.
	Detectors() []string
}

// noVitals stands in where nobody tells.
type noVitals struct{}

func (noVitals) Vitals() board.Vitals        { return board.Vitals{} }
func (noVitals) Allowed() []schema.Allowance { return nil }
func (noVitals) Detectors() []string         { return nil }

func (s *Server) vitals() Vitals {
	if s.parts.Vitals == nil {
		return noVitals{}
	}
	return s.parts.Vitals
}

func (s *Server) systemRoutes() { s.route("GET /system", signin.Viewer, s.systemPage) }

// storePatience is how long this page waits for the store. It has something to say without it, too.
const storePatience = 3 * time.Second

// systemData is what the page shows.
type systemData struct {
	board.System
	Now      time.Time
	Here     board.Vitals
	Alive    []instance
	Work     []work
	Problems []problem
	Unknown  []string // what the store did not tell
	Channels []channel
}

func (s *Server) systemPage(w http.ResponseWriter, r *http.Request) error {
	data := systemData{Now: time.Now(), Here: s.vitals().Vitals()}
	s.askSystem(r.Context(), &data)
	data.Alive = instancesOf(data.Here, data.Instances, data.Now)
	data.Work = workOf(data.Alive)
	data.Channels = channelsOf(data.Alive, data.Destinations)
	data.Problems = judge(&data)
	return s.show(w, r, "system.html", view{Title: "System", Section: "system", Data: &data})
}

// askSystem asks the store everything at one time. What it does not answer is unknown, and no reason to show nothing.
func (s *Server) askSystem(ctx context.Context, d *systemData) {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	store := s.parts.Store
	questions := []struct {
		about string
		ask   func() error
	}{
		{"the version of ClickHouse", func() (err error) { d.ClickHouse, d.Uptime, err = store.Server(ctx); return err }},
		{"what the tables take", func() (err error) { d.Tables, d.DiskFree, d.DiskTotal, err = store.Tables(ctx); return err }},
		{"dead letters", func() (err error) { d.Letters, err = store.Letters(ctx); return err }},
		{"deliveries", func() (err error) { d.Destinations, err = store.Destinations(ctx); return err }},
		{"missing offsets", func() (err error) { d.Missing, err = store.MissingOffsets(ctx); return err }},
		{"other instances", func() (err error) { d.Instances, err = store.Instances(ctx, d.Now.Add(-24*time.Hour)); return err }},
	}
	errs := make([]error, len(questions))
	var group errgroup.Group
	for i, q := range questions {
		group.Go(func() error { errs[i] = q.ask(); return nil })
	}
	_ = group.Wait() // each error stays with its question
	for i, q := range questions {
		if errs[i] != nil {
			d.Unknown = append(d.Unknown, q.about)
			s.parts.Log.Warn("console: the page System does without "+q.about, "error", errs[i])
		}
	}
}

// silentAfter is when an instance that says nothing is taken for gone: it speaks every 15 seconds.
const silentAfter = time.Minute

// instance is one process.
type instance struct {
	board.Vitals
	Here   bool // the one that made the page
	Silent bool
}

// instancesOf are all that were heard of, this one first.
func instancesOf(here board.Vitals, others []board.Vitals, now time.Time) []instance {
	list := []instance{}
	if here.Instance != "" {
		list = append(list, instance{Vitals: here, Here: true})
	}
	for _, v := range others {
		if v.Instance != here.Instance {
			list = append(list, instance{Vitals: v, Silent: now.Sub(v.At) > silentAfter})
		}
	}
	return list
}

// work is one partition, and who reads it.
type work struct {
	board.Partition
	Instance string
}

// workOf lists the partitions that are read, by topic and number.
func workOf(alive []instance) (list []work) {
	for _, i := range alive {
		if i.Silent {
			continue
		}
		for _, p := range i.Partitions {
			list = append(list, work{p, i.Instance})
		}
	}
	slices.SortStableFunc(list, func(a, b work) int {
		if a.Topic != b.Topic {
			if a.Topic < b.Topic {
				return -1
			}
			return 1
		}
		return int(a.Partition.Partition) - int(b.Partition.Partition)
	})
	return list
}

// channel is one destination: what waits at the instances, and what became of the rest.
type channel struct {
	board.Destination
	Depth  int
	Oldest time.Duration // that nothing holds back
}

func channelsOf(alive []instance, known []board.Destination) []channel {
	byName := map[string]*channel{}
	at := func(name string) *channel {
		if byName[name] == nil {
			byName[name] = &channel{Destination: board.Destination{Name: name}}
		}
		return byName[name]
	}
	for _, d := range known {
		at(d.Name).Destination = d
	}
	for _, i := range alive {
		for _, q := range i.Queues {
			if i.Silent {
				continue
			}
			c := at(q.Destination)
			c.Depth, c.Oldest = c.Depth+q.Depth, max(c.Oldest, q.Oldest)
		}
	}
	list := make([]channel, 0, len(byName))
	for _, c := range byName {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b channel) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return list
}

// Lag is how many records all partitions together are behind.
func (d *systemData) Lag() (n int64) {
	for _, w := range d.Work {
		n += w.Lag
	}
	return n
}

// PerSecond is how many records come in.
func (d *systemData) PerSecond() (n float64) {
	for _, w := range d.Work {
		n += w.PerSecond
	}
	return n
}

// Slowest is the longest mean time that a partition takes to store a block.
func (d *systemData) Slowest() (longest time.Duration) {
	for _, w := range d.Work {
		longest = max(longest, w.Insert)
	}
	return longest
}

// RefusedToday is how many records were refused in the last 24 hours.
func (d *systemData) RefusedToday() (n uint64) {
	for _, l := range d.Letters {
		n += l.Day
	}
	return n
}

// Stored is what all tables take on disk.
func (d *systemData) Stored() (n uint64) {
	for _, t := range d.Tables {
		n += t.Bytes
	}
	return n
}

// Several tells that there is more than one instance, so that it matters which.
func (d *systemData) Several() bool { return len(d.Alive) > 1 }
