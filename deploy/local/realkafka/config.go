package realkafka

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Config says where a broker keeps its data and how clients reach it. The zero value of everything but Dir works.
type Config struct {
	// Dir holds the data, the broker's settings and its log. A folder with data is carried on with.
	Dir string
	// Port is where it listens without encryption or passwords; 0 means any free one, which then stays the same over
	// restarts of the same Broker.
	Port int
	// Advertised is the host:port that clients are told to use instead, such as that of a proxy in between.
	Advertised string
	// Listeners are further ways in.
	Listeners []Listener
	// Users are the names and passwords of SCRAM-SHA-256 and SCRAM-SHA-512. They are written when the data
	// folder is formatted, and so only once.
	Users map[string]string
	// Properties override or add to server.properties.
	Properties map[string]string
	// SystemProperties are given to the JVM with -D.
	SystemProperties map[string]string
	// HeapMB is the JVM's largest heap; 0 means 256.
	HeapMB int
}

// Listener is one more port of the broker.
type Listener struct {
	Protocol   string // SSL, SASL_PLAINTEXT or SASL_SSL; also the listener's name in the properties
	Port       int    // 0 means any free one
	Advertised string // as in Config
}

// Names of the listeners that are always there.
const (
	plaintext  = "PLAINTEXT"
	controller = "CONTROLLER"
)

func (c Config) validate() error {
	if c.Dir == "" {
		return errors.New("realkafka: Dir must not be empty")
	}
	seen := []string{plaintext}
	for _, l := range c.Listeners {
		switch l.Protocol {
		case "SSL", "SASL_PLAINTEXT", "SASL_SSL":
		default:
			return fmt.Errorf("realkafka: listener %q is none of SSL, SASL_PLAINTEXT, SASL_SSL", l.Protocol)
		}
		if slices.Contains(seen, l.Protocol) {
			return fmt.Errorf("realkafka: two listeners are called %s", l.Protocol)
		}
		seen = append(seen, l.Protocol)
	}
	return nil
}

// withPorts returns the configuration with free ports in place of zeros, and one for the controller. Nothing holds
// them until the broker binds them.
func (c Config) withPorts() (Config, int, error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	free := func(port int) (int, error) {
		if port != 0 {
			return port, nil
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, fmt.Errorf("look for a free port: %w", err)
		}
		held = append(held, l) // until all are chosen, so that none is chosen twice
		return l.Addr().(*net.TCPAddr).Port, nil
	}
	var err error
	if c.Port, err = free(c.Port); err != nil {
		return c, 0, err
	}
	c.Listeners = slices.Clone(c.Listeners)
	for i := range c.Listeners {
		if c.Listeners[i].Port, err = free(c.Listeners[i].Port); err != nil {
			return c, 0, err
		}
	}
	quorum, err := free(0)
	return c, quorum, err
}

// serverProperties is the content of server.properties.
func (c Config) serverProperties(data string, quorum int) string {
	names, own, told := []string{plaintext}, []string{onLoopback(plaintext, c.Port)}, []string{advertised(plaintext, c.Port, c.Advertised)}
	for _, l := range c.Listeners {
		names = append(names, l.Protocol)
		own = append(own, onLoopback(l.Protocol, l.Port))
		told = append(told, advertised(l.Protocol, l.Port, l.Advertised))
	}
	protocols := []string{controller + ":" + plaintext}
	for _, name := range names {
		protocols = append(protocols, name+":"+name)
	}
	all := map[string]string{
		"process.roles":                  "broker,controller",
		"node.id":                        "1",
		"controller.quorum.voters":       "1@" + loopback(quorum),
		"controller.listener.names":      controller,
		"inter.broker.listener.name":     plaintext,
		"listeners":                      strings.Join(append(own, onLoopback(controller, quorum)), ","),
		"advertised.listeners":           strings.Join(told, ","),
		"listener.security.protocol.map": strings.Join(protocols, ","),
		"log.dirs":                       data,
		"auto.create.topics.enable":      "false",
		// One node keeps one copy of everything, and few partitions of its own topics, so that a start is quick.
		"offsets.topic.replication.factor":                 "1",
		"offsets.topic.num.partitions":                     "1",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"transaction.state.log.num.partitions":             "1",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
		"share.coordinator.state.topic.num.partitions":     "1",
		"group.initial.rebalance.delay.ms":                 "0",
		"num.network.threads":                              "2",
		"num.io.threads":                                   "4",
		"background.threads":                               "2",
		"log.cleaner.dedupe.buffer.size":                   strconv.Itoa(8 << 20),
		// A broker that was killed may not register again before its former session is over.
		"broker.session.timeout.ms":    "1500",
		"broker.heartbeat.interval.ms": "250",
	}
	maps.Copy(all, c.Properties)
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s=%s\n", key, escape.Replace(all[key]))
	}
	return text.String()
}

// escape keeps a value on one line of a properties file.
var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)

func onLoopback(name string, port int) string { return name + "://" + loopback(port) }

func advertised(name string, port int, instead string) string {
	if instead != "" {
		return name + "://" + instead
	}
	return onLoopback(name, port)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
