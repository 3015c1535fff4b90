package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"net"
	"strconv"
	"time"
)

// talk is one connection's HTTP: a request is written with one call, an answer is read to its end.
type talk struct {
	plan
	connection net.Conn
	mac        hash.Hash
	read       []byte
	body       []byte
	request    []byte
}

func newTalk(connection net.Conn, with plan) *talk {
	mac := hmac.New(sha256.New, []byte(with.clientSecret))
	return &talk{plan: with, connection: connection, mac: mac, read: make([]byte, 4096)}
}

func (p plan) hash(number int64) string { return fmt.Sprintf("%s%0*x", p.name, 40-len(p.name), number) }

// deliver returns the status of the answer.
func (t *talk) deliver(number int64) (int, error) {
	t.compose(t.plan.hash(number), time.Now().Unix(), number)
	if _, err := t.connection.Write(t.request); err != nil {
		return 0, err
	}
	return t.answer()
}

// BigCommerce sends `accept-encoding: gzip` too. Not sent here: for it Benthos sets up a compressor for each answer, which
// costs it three quarters of its speed, and no answer has a body.
func (t *talk) compose(id string, now int64, number int64) {
	moment := strconv.FormatInt(now, 10)
	t.body = fmt.Appendf(t.body[:0],
		`{"producer":"stores/%s","hash":"%s","created_at":%s,"store_id":"1003502318",`+
			`"scope":"store/order/updated","data":{"type":"order","id":%d}}`, t.store, id, moment, number)
	t.mac.Reset()
	t.mac.Write([]byte(id + "." + moment + "."))
	t.mac.Write(t.body)
	signature := base64.StdEncoding.EncodeToString(t.mac.Sum(nil))
	t.request = fmt.Appendf(t.request[:0], "POST /webhooks/bigcommerce/%s HTTP/1.1\r\nhost: %s\r\n"+
		"content-length: %d\r\ncontent-type: application/json\r\nuser-agent: pekko-http/1.3.0\r\n"+
		"webhook-id: %s\r\nwebhook-timestamp: %s\r\nwebhook-signature: v1,%s\r\n"+
		"x-tajo-secret: %s\r\n\r\n", t.store, t.address, len(t.body), id, moment, signature, t.secret)
	t.request = append(t.request, t.body...)
}

func (t *talk) answer() (int, error) {
	have := 0
	for {
		count, err := t.connection.Read(t.read[have:])
		if err != nil {
			return 0, err
		}
		have += count
		head, _, whole := bytes.Cut(t.read[:have], []byte("\r\n\r\n"))
		if whole && have >= len(head)+4+bodyLength(head) {
			return strconv.Atoi(string(head[9:12])) // HTTP/1.1 200 OK
		}
		if have == len(t.read) {
			return 0, fmt.Errorf("an answer of more than %d bytes", have)
		}
	}
}

func bodyLength(head []byte) int {
	lower := bytes.ToLower(head)
	_, after, found := bytes.Cut(lower, []byte("\r\ncontent-length:"))
	if !found {
		return 0
	}
	value, _, _ := bytes.Cut(after, []byte("\r\n"))
	length, _ := strconv.Atoi(string(bytes.TrimSpace(value)))
	return length
}
