// Deliveries as BigCommerce sends them, each signed and of its own hash, over a fixed number of connections.
//
// With a rate the arrivals are fixed beforehand, whatever the gateway does, and a delivery's time runs from the moment
// it was due: a gateway that stands still is charged for all that it kept waiting. Without one, each connection sends as
// soon as it was answered. The last line of output is JSON; times are milliseconds.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type plan struct {
	address, store, secret, clientSecret, name, accepted string
	connections                                          int
	seconds, warmUp, rate                                float64
}

// load is one run: what is due, and since when.
type load struct {
	plan
	next    atomic.Int64
	began   time.Time
	counted time.Time // after the warm-up
	ends    time.Time
}

// outcome is what one connection has seen. Only what was sent after the warm-up is in times.
type outcome struct {
	accepted []int64
	times    []time.Duration
	refused  int
	failure  error
}

type summary struct {
	Accepted int     `json:"accepted"`
	Refused  int     `json:"refused"`
	Failed   int     `json:"failed"`
	PerSec   float64 `json:"per_second"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Worst    float64 `json:"worst_ms"`
}

func main() {
	var with plan
	flag.StringVar(&with.address, "address", "", "host:port of the gateway")
	flag.StringVar(&with.store, "store", "", "the store's hash")
	flag.StringVar(&with.secret, "secret", "", "value of the shared header")
	flag.StringVar(&with.clientSecret, "client-secret", "", "key of the signatures")
	flag.StringVar(&with.name, "name", "", "leads the hash of every delivery")
	flag.StringVar(&with.accepted, "accepted", "", "file for the hashes of those that were answered 2xx")
	flag.IntVar(&with.connections, "connections", 64, "")
	flag.Float64Var(&with.seconds, "seconds", 5, "after the warm-up")
	flag.Float64Var(&with.warmUp, "warm-up", 1, "seconds that are not counted")
	flag.Float64Var(&with.rate, "rate", 0, "arrivals a second; 0 for as fast as it is answered")
	flag.Parse()
	if err := run(with); err != nil {
		log.Fatal(err)
	}
}

func run(with plan) error {
	connections := make([]net.Conn, with.connections)
	for i := range connections {
		connection, err := net.Dial("tcp", with.address)
		if err != nil {
			return err
		}
		defer connection.Close()
		connections[i] = connection
	}
	one := &load{plan: with, began: time.Now()}
	one.counted = one.began.Add(seconds(with.warmUp))
	one.ends = one.counted.Add(seconds(with.seconds))
	outcomes := make([]outcome, len(connections))
	var all sync.WaitGroup
	for i, connection := range connections {
		all.Go(func() { outcomes[i] = one.drive(connection) })
	}
	all.Wait()
	return with.tell(outcomes, time.Since(one.counted))
}

// drive sends over one connection until the time is over, or until it fails.
func (l *load) drive(connection net.Conn) (seen outcome) {
	talk := newTalk(connection, l.plan)
	for {
		number := l.next.Add(1) - 1
		due := time.Now()
		if l.rate > 0 {
			due = l.began.Add(seconds(float64(number) / l.rate))
		}
		if !due.Before(l.ends) {
			return seen
		}
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		status, err := talk.deliver(number)
		if err != nil {
			seen.failure = fmt.Errorf("delivery %d: %w", number, err)
			return seen
		}
		if status/100 != 2 {
			seen.refused++
			continue
		}
		if l.accepted != "" {
			seen.accepted = append(seen.accepted, number)
		}
		if due.After(l.counted) {
			seen.times = append(seen.times, time.Since(due))
		}
	}
}

func (p plan) tell(outcomes []outcome, took time.Duration) error {
	var found summary
	var times []time.Duration
	var hashes strings.Builder
	for _, seen := range outcomes {
		times = append(times, seen.times...)
		found.Refused += seen.refused
		if seen.failure != nil {
			found.Failed++
			log.Print(seen.failure)
		}
		for _, number := range seen.accepted {
			hashes.WriteString(p.hash(number))
			hashes.WriteByte('\n')
		}
	}
	if p.accepted != "" {
		if err := os.WriteFile(p.accepted, []byte(hashes.String()), 0o600); err != nil {
			return err
		}
	}
	found.Accepted = len(times)
	found.PerSec = float64(len(times)) / took.Seconds()
	if len(times) > 0 {
		slices.Sort(times)
		found.P50 = milliseconds(times[len(times)/2])
		found.P99 = milliseconds(times[len(times)*99/100])
		found.Worst = milliseconds(times[len(times)-1])
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func seconds(count float64) time.Duration { return time.Duration(count * float64(time.Second)) }

func milliseconds(took time.Duration) float64 { return float64(took) / float64(time.Millisecond) }
