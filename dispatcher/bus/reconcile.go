package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// reconcile creates the streams that are missing and brings the others' settings up to date. Each
// difference is logged. Where a change would destroy what is stored, or is impossible, nothing of
// that stream is changed, and the error says what to do.
func (b *Bus) reconcile(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, reconcileTimeout)
	defer cancel()
	all := append(streams(o.MaxBytes), controlBucket())
	if o.Server == nil {
		all = append(all, leaseBucket())
	}
	for i := range all {
		if err := b.reconcileStream(ctx, all[i], o.Replicas); err != nil {
			return fmt.Errorf("nats: stream %s: %w", all[i].Name, err)
		}
	}
	return nil
}

// reconcileTimeout is how long a cluster that is starting may take until its streams have leaders.
const reconcileTimeout = time.Minute

func (b *Bus) reconcileStream(ctx context.Context, want jetstream.StreamConfig, replicas int) error {
	var info *jetstream.StreamInfo
	err := insist(ctx, func(ctx context.Context) error {
		s, err := b.js.Stream(ctx, want.Name)
		if err == nil {
			info = s.CachedInfo()
		}
		return err
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return b.createStream(ctx, want, replicas)
	}
	if err != nil {
		return err
	}
	return b.adapt(ctx, info, want, replicas)
}

// clustered is how many servers of a cluster keep a stream, unless the configuration says otherwise:
// one of them may fail.
const clustered = 3

// createStream makes a stream, on as many servers as there are up to three if no number is given.
func (b *Bus) createStream(ctx context.Context, want jetstream.StreamConfig, replicas int) error {
	want.Replicas = b.replicas(replicas, 0)
	err := b.put(ctx, want, b.js.CreateStream)
	if replicas == 0 && tooFewServers(err) {
		b.log.WarnContext(ctx, "the NATS cluster has not three servers with JetStream at the moment: the stream has one replica, until a start finds three",
			"stream", want.Name, "error", err)
		want.Replicas = 1
		err = b.put(ctx, want, b.js.CreateStream)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
		return b.reconcileStream(ctx, want, replicas)
	}
	return err
}

// put creates or updates a stream; it waits while the cluster has no leader.
func (b *Bus) put(ctx context.Context, cfg jetstream.StreamConfig, f func(context.Context, jetstream.StreamConfig) (jetstream.Stream, error)) error {
	return insist(ctx, func(ctx context.Context) error {
		_, err := f(ctx, cfg)
		return err
	})
}

// replicas is how many replicas a stream is to have that has some: those configured; else three in a
// cluster, and never fewer than it has.
func (b *Bus) replicas(configured, existing int) int {
	switch {
	case configured > 0:
		return configured
	case b.nc.ConnectedClusterName() != "":
		return max(clustered, existing)
	}
	return max(1, existing)
}

// tooFewServers reports whether a number of replicas was refused for want of servers.
func tooFewServers(err error) bool {
	e, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (e.ErrorCode == codeNoPeers || e.ErrorCode == codeReplicasNotSupported || e.ErrorCode == codeInsufficientResources)
}

const (
	codeNoPeers              jetstream.ErrorCode = 10005 // no suitable servers for so many replicas
	codeReplicasNotSupported jetstream.ErrorCode = 10074 // not a cluster
)

// adapt changes an existing stream to what is wanted, if nothing is lost by it.
func (b *Bus) adapt(ctx context.Context, info *jetstream.StreamInfo, want jetstream.StreamConfig, replicas int) error {
	want.Replicas = b.replicas(replicas, info.Config.Replicas)
	next, changes, err := compare(info, want)
	if err != nil || len(changes) == 0 {
		return err
	}
	for _, c := range changes {
		b.log.InfoContext(ctx, "stream setting changed", "stream", want.Name, "field", c.field, "is", c.is, "wanted", c.wanted)
	}
	err = b.put(ctx, next, b.js.UpdateStream)
	if replicas == 0 && next.Replicas != info.Config.Replicas && tooFewServers(err) {
		next.Replicas = info.Config.Replicas
		b.log.WarnContext(ctx, "the NATS cluster has not three servers with JetStream at the moment: the stream keeps its replicas",
			"stream", want.Name, "replicas", next.Replicas, "error", err)
		err = b.put(ctx, next, b.js.UpdateStream)
	}
	return err
}

// change is one difference between a stream and what is wanted of it.
type change struct {
	field      string
	is, wanted any
}

// compare returns the configuration that brings a stream to what is wanted, with the differences.
// What Tocsin has no opinion about stays as it is. The error names what can't be changed without a
// loss, all of it.
func compare(info *jetstream.StreamInfo, want jetstream.StreamConfig) (next jetstream.StreamConfig, changes []change, err error) {
	next = info.Config
	var errs []error
	for _, s := range settings() {
		is, wanted := s.get(&info.Config), s.get(&want)
		if fmt.Sprint(is) == fmt.Sprint(wanted) {
			continue
		}
		if s.refuse != nil {
			if why := s.refuse(info, &want); why != "" {
				errs = append(errs, fmt.Errorf("%s is %v and must be %v: %s", s.field, is, wanted, why))
				continue
			}
		}
		s.set(&next, &want)
		changes = append(changes, change{s.field, is, wanted})
	}
	return next, changes, errors.Join(errs...)
}

// setting is one field of a stream that Tocsin has an opinion about.
type setting struct {
	field string
	get   func(*jetstream.StreamConfig) any
	set   func(to, from *jetstream.StreamConfig)
	// refuse says why a change would lose something, and what to do; "" if it doesn't.
	refuse func(is *jetstream.StreamInfo, want *jetstream.StreamConfig) string
}

// of makes a setting of a field.
func of[T any](field string, at func(*jetstream.StreamConfig) *T, refuse func(*jetstream.StreamInfo, *jetstream.StreamConfig) string) setting {
	return setting{
		field: field, refuse: refuse,
		get: func(c *jetstream.StreamConfig) any { return *at(c) },
		set: func(to, from *jetstream.StreamConfig) { *at(to) = *at(from) },
	}
}

const anew = "it can't be changed on an existing stream: stop Tocsin when the stream has been read, delete it, and start again"

func never(*jetstream.StreamInfo, *jetstream.StreamConfig) string { return anew }

func settings() []setting {
	type cfg = jetstream.StreamConfig
	return []setting{
		of("retention", func(c *cfg) *jetstream.RetentionPolicy { return &c.Retention }, never),
		of("storage", func(c *cfg) *jetstream.StorageType { return &c.Storage }, never),
		of("subjects", func(c *cfg) *[]string { return &c.Subjects }, narrowed),
		of("max_bytes", func(c *cfg) *int64 { return &c.MaxBytes }, tooSmall),
		of("max_age", func(c *cfg) *time.Duration { return &c.MaxAge }, tooShort),
		of("max_msg_size", func(c *cfg) *int32 { return &c.MaxMsgSize }, nil),
		of("max_msgs_per_subject", perSubject, tooFew),
		of("discard", func(c *cfg) *jetstream.DiscardPolicy { return &c.Discard }, nil),
		of("duplicate_window", func(c *cfg) *time.Duration { return &c.Duplicates }, nil),
		of("allow_direct", func(c *cfg) *bool { return &c.AllowDirect }, nil),
		of("no_ack", func(c *cfg) *bool { return &c.NoAck }, nil),
		of("description", func(c *cfg) *string { return &c.Description }, nil),
		of("num_replicas", func(c *cfg) *int { return &c.Replicas }, nil),
	}
}

// perSubject is the limit with one word for none: servers say -1 where we leave it out.
func perSubject(c *jetstream.StreamConfig) *int64 {
	if c.MaxMsgsPerSubject == 0 {
		c.MaxMsgsPerSubject = -1
	}
	return &c.MaxMsgsPerSubject
}

func narrowed(is *jetstream.StreamInfo, want *jetstream.StreamConfig) string {
	for _, s := range is.Config.Subjects {
		if !slices.Contains(want.Subjects, s) {
			return "messages on " + strings.Join(is.Config.Subjects, ", ") +
				" would have no stream any more; move those subjects to a stream of their own, or remove them from this one by hand"
		}
	}
	return ""
}

func tooSmall(is *jetstream.StreamInfo, want *jetstream.StreamConfig) string {
	if want.MaxBytes <= 0 || is.State.Bytes <= uint64(want.MaxBytes) {
		return ""
	}
	return fmt.Sprintf("it holds %d bytes, some of which would be lost; raise nats.max_bytes, or wait until it has been read", is.State.Bytes)
}

func tooShort(is *jetstream.StreamInfo, want *jetstream.StreamConfig) string {
	if want.MaxAge <= 0 || is.State.Msgs == 0 || time.Since(is.State.FirstTime) < want.MaxAge {
		return ""
	}
	return fmt.Sprintf("it holds messages since %s, some of which would be lost; purge them by hand first", is.State.FirstTime.UTC().Format(time.RFC3339))
}

func tooFew(is *jetstream.StreamInfo, want *jetstream.StreamConfig) string {
	if want.MaxMsgsPerSubject < 0 || is.State.Msgs == 0 {
		return ""
	}
	return "messages would be lost; " + anew
}
