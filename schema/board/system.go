package board

import "time"

// Vitals say how one running instance is. It tells them of itself, and stores them from time to time for the others.
type Vitals struct {
	Instance string    `json:"instance"` // the same after a restart
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	At       time.Time `json:"at"` // when this was so

	Waiting    []Waiting   `json:"waiting,omitempty"` // what it cannot work without, and does not have
	Partitions []Partition `json:"partitions"`        // that it reads
	Queues     []Queue     `json:"queues,omitempty"`
	Places     []PlaceFile `json:"places,omitempty"`
	Bars       []Bar       `json:"bars,omitempty"`
	Engines    []Engine    `json:"engines,omitempty"`

	Profiles    int    `json:"profiles"` // of tokens, in memory
	MaxProfiles int    `json:"max_profiles"`
	Evicted     uint64 `json:"evicted"` // profiles dropped for want of room
	Incidents   int    `json:"incidents"`
	Resident    uint64 `json:"resident_bytes"`
	Heap        uint64 `json:"heap_bytes"`
	Goroutines  int    `json:"goroutines"`
}

// Waiting is a part that is not ready, and why.
type Waiting struct {
	Part string `json:"part"`
	Why  string `json:"why"`
}

// Partition is how one partition of a topic is doing.
type Partition struct {
	Topic     string        `json:"topic"`
	Partition int32         `json:"partition"`
	Next      int64         `json:"next"` // offset after the last one stored; -1 while nobody knows
	Lag       int64         `json:"lag"`
	PerSecond float64       `json:"per_second"` // records, of late
	Insert    time.Duration `json:"insert"`     // mean time to store a block, of late; 0: none was stored
	Retries   uint64        `json:"retries"`    // inserts repeated since the start
	Gaps      int64         `json:"gaps"`       // of the last audit
	Repeats   int64         `json:"repeats"`
	Lost      uint64        `json:"lost"`              // offsets deleted before they were read, since the start
	Stalled   string        `json:"stalled,omitempty"` // why its block is not taken
	Since     time.Time     `json:"since,omitzero"`
}

// Behind is how long the lag takes to work off at the rate of late; 0 when nothing can be said.
func (p Partition) Behind() time.Duration {
	if p.PerSecond <= 0 {
		return 0
	}
	return time.Duration(float64(p.Lag) / p.PerSecond * float64(time.Second))
}

// Queue is what waits for a destination at one instance.
type Queue struct {
	Destination string        `json:"destination"`
	Depth       int           `json:"depth"`
	Oldest      time.Duration `json:"oldest"`
}

// PlaceFile is a file that tells where addresses are.
type PlaceFile struct {
	Key     string    `json:"key"` // of the configuration: geo.city, geo.asn
	File    string    `json:"file"`
	Kind    string    `json:"kind,omitempty"`   // as the file calls itself
	Built   time.Time `json:"built,omitzero"`   // as the file says
	Changed time.Time `json:"changed,omitzero"` // on disk
	Bytes   int64     `json:"bytes"`
}

// Bar is what evidence makes an alert for tokens of a class, over the partitions of an instance.
type Bar struct {
	Class   string  `json:"class"`
	Days    float64 `json:"days"`    // token-days without an alert that were learnt
	Alerted float64 `json:"alerted"` // token-days with one
	Bar     float64 `json:"bar"`     // nats; the starting bar until something was learnt
	Most    float64 `json:"most"`    // of the partitions; Bar is the least
	Learnt  bool    `json:"learnt"`
	Fresh   uint32  `json:"fresh"` // token-days since the bar was worked out, where that is longest ago
}

// Engine is what tokenwatch works with.
type Engine struct {
	Name  string `json:"name"`  // ClickHouse, Kafka
	Where string `json:"where"` // embedded, or the addresses
}

// System is what the store knows of how everything is.
type System struct {
	ClickHouse   string        // its version
	Uptime       time.Duration // of the server
	Tables       []Table
	DiskFree     uint64
	DiskTotal    uint64 // 0: unknown
	Letters      []Letter
	Destinations []Destination
	Missing      []Missing
	Instances    []Vitals // heard of within the last day
}

// Table is how much one table takes.
type Table struct {
	Name    string
	Rows    uint64
	Bytes   uint64 // on disk
	Parts   uint64
	Oldest  time.Time // part
	Newest  time.Time
	RawSize uint64 // uncompressed
}

// Letter is why records were refused, and one of them.
type Letter struct {
	Reason    string
	Source    string
	Day, Week uint64 // in the last 24 hours, in the last 7 days
	Last      time.Time
	Topic     string // of the newest
	Partition int32
	Offset    int64
	Item      uint32
	Detail    string
}

// Destination is what became of incidents at one channel.
type Destination struct {
	Name      string
	Waiting   uint64    // wanted within the last 7 days and not told, also where routes, quiet hours or silences hold it back
	Oldest    time.Time // since when, the one that waits longest
	Failing   uint64
	Since     time.Time // since when attempts fail
	Dead      uint64    // given up within the last 7 days
	LastTold  time.Time
	LastError string
}

// Missing are offsets of a partition that held no record when they were read, within the last 7 days.
type Missing struct {
	Topic     string
	Partition int32
	Lost      uint64
	Absent    uint64
	Last      time.Time
}
