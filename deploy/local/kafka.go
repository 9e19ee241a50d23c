package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Kafka is an embedded broker: one node in this process that speaks Kafka's protocol on loopback.
//
// It is a broker for trials, tests and one machine, and these are its limits:
//
//   - An acknowledged record and a committed offset survive the death of the process (kill -9 too), since they
//     were written to the operating system by then. They survive a power cut only with SyncWrites.
//   - No replication: acks=all means this one node.
//   - Nothing is deleted by age or size. Trim does it, on the word of whoever has read the records.
//   - A start after a crash reads the whole log once, which for a short time takes about half the log's size
//     in memory. A start after Close does not.
//   - Topics are made by CreateTopic or a client's CreateTopics, never by mentioning them.
//   - A partition that is emptied to its very last record would forget its offsets at the next start and count
//     from 0 again. Trim therefore always leaves the last record. Other tools that delete records must too.
type Kafka struct {
	cluster *kfake.Cluster
	admin   *kgo.Client
	lock    *os.File
	address string
}

// maxRecord is the largest batch that the broker takes: room for a 10 MB record, which the pipeline must be
// able to see in order to reject it.
const maxRecord = 16 << 20

// segmentSize is how much of a partition is kept in one file, and so what Trim frees at a time.
const segmentSize = 32 << 20

// StartKafka starts the broker on the data in c.Dir. Errors wrap ErrInUse when another process works on the same
// data and ErrPortTaken when the configured port is taken.
func StartKafka(c KafkaConfig) (*Kafka, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	folder := filepath.Join(c.Dir, "kafka")
	lock, err := lockFolder(context.Background(), folder)
	if err != nil {
		return nil, err
	}
	started, err := openBroker(c, filepath.Join(folder, "log"))
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	started.lock = lock
	return started, nil
}

func openBroker(c KafkaConfig, data string) (*Kafka, error) {
	cluster, err := kfake.NewCluster(brokerOptions(c, data)...)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, portTaken(c.Port, KeyKafka)
	}
	if err != nil {
		return nil, fmt.Errorf("start the embedded Kafka on %s: %w", data, err)
	}
	addresses := cluster.ListenAddrs()
	admin, err := kgo.NewClient(kgo.SeedBrokers(addresses...))
	if err != nil {
		cluster.Close()
		return nil, fmt.Errorf("connect to the embedded Kafka: %w", err)
	}
	return &Kafka{cluster: cluster, admin: admin, address: addresses[0]}, nil
}

func brokerOptions(c KafkaConfig, data string) []kfake.Opt {
	options := []kfake.Opt{
		kfake.Ports(c.Port),
		kfake.DataDir(data),
		kfake.ClusterID("tokenwatch-local"),
		kfake.WithLogger(brokerLog{c.Log}),
		kfake.BrokerConfigs(map[string]string{
			"message.max.bytes":   strconv.Itoa(maxRecord),
			"log.segment.bytes":   strconv.Itoa(segmentSize),
			"log.retention.ms":    "-1", // by age, a replayed history would vanish before it is read
			"log.retention.bytes": "-1",
		}),
	}
	if c.SyncWrites {
		options = append(options, kfake.SyncWrites())
	}
	if c.MinSession > 0 {
		options = append(options, kfake.GroupMinSessionTimeout(c.MinSession))
	}
	if c.Advertise != "" {
		options = append(options, kfake.ListenFn(behind(c.Advertise)))
	}
	return options
}

// behind makes listeners that say they are somewhere else: the broker tells clients what its listener says.
func behind(advertised string) func(network, address string) (net.Listener, error) {
	return func(network, address string) (net.Listener, error) {
		elsewhere, err := net.ResolveTCPAddr(network, advertised)
		if err != nil {
			return nil, err
		}
		listener, err := net.Listen(network, address)
		return advertising{listener, elsewhere}, err
	}
}

type advertising struct {
	net.Listener
	at net.Addr
}

func (a advertising) Addr() net.Addr { return a.at }

// Brokers is the address to bootstrap from.
func (k *Kafka) Brokers() []string { return []string{k.address} }

// Close saves the broker's state and stops it. Clients see their connections end.
func (k *Kafka) Close() error {
	k.admin.Close()
	k.cluster.Close()
	if err := k.lock.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("unlock the data folder: %w", err)
	}
	return nil
}

// brokerLog passes on what went wrong in the broker, such as a write that failed; requests are not worth a line.
type brokerLog struct{ log *slog.Logger }

func (b brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	if b.log == nil {
		return
	}
	switch level {
	case kfake.LogLevelError:
		b.log.Error("embedded Kafka: " + fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		b.log.Warn("embedded Kafka: " + fmt.Sprintf(format, args...))
	}
}
