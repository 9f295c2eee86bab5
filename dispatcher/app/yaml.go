package app

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decodeYAML reads one document into v. What is wrong is named by file, line and key, all of it at
// once: unknown keys, environment variables that are not set, values of the wrong type.
func decodeYAML(path string, raw []byte, env func(string) (string, bool), v any) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(doc.Content) == 0 {
		return nil
	}
	root := doc.Content[0]
	s := strict{path: path, env: env}
	s.expand(root)
	s.check(root, reflect.TypeOf(v).Elem(), "")
	if len(s.errs) > 0 {
		return errors.Join(s.errs...)
	}
	return named(path, root.Decode(v))
}

// decoder decodes a node strictly: the adapters' view of their settings.
func decoder(path string, node yaml.Node, key string) func(any) error {
	return func(v any) error {
		if node.Kind == 0 {
			return nil // no settings: the adapter says what it misses
		}
		s := strict{path: path}
		s.check(&node, reflect.TypeOf(v).Elem(), key)
		if len(s.errs) > 0 {
			return errors.Join(s.errs...)
		}
		return named(path, node.Decode(v))
	}
}

// named puts the file before every fault that the YAML library found; it names the lines itself.
func named(path string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*yaml.TypeError](err); ok {
		var errs []error
		for _, fault := range e.Errors {
			line, what, _ := strings.Cut(strings.TrimPrefix(fault, "line "), ": ")
			errs = append(errs, fmt.Errorf("%s:%s: %s", path, line, what))
		}
		return errors.Join(errs...)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// strict finds what the YAML library lets pass.
type strict struct {
	path string
	env  func(string) (string, bool)
	errs []error
}

func (s *strict) fault(n *yaml.Node, format string, args ...any) {
	s.errs = append(s.errs, fmt.Errorf("%s:%d: %s", s.path, n.Line, fmt.Sprintf(format, args...)))
}

// expand replaces ${NAME} in values by environment variables. A value without one stays as it is,
// so that a '$' in a text needs no escape.
func (s *strict) expand(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "${") {
		n.Value = os.Expand(n.Value, func(name string) string {
			v, ok := s.env(name)
			if !ok {
				s.fault(n, "environment variable %s is not set", name)
			}
			return v
		})
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue
		}
		s.expand(c)
	}
}

var (
	nodeType        = reflect.TypeFor[yaml.Node]()
	unmarshalerType = reflect.TypeFor[yaml.Unmarshaler]()
)

// check compares a node's keys with the yaml tags of the type that it is to fill.
func (s *strict) check(n *yaml.Node, t reflect.Type, key string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nodeType:
	case t == reflect.TypeFor[Channels]():
		s.checkMap(n, reflect.TypeFor[Channel](), key)
	case t == reflect.TypeFor[Providers]():
		s.check(n, reflect.TypeFor[[]Provider](), key)
	case reflect.PointerTo(t).Implements(unmarshalerType):
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for i, c := range n.Content {
			s.check(c, t.Elem(), fmt.Sprintf("%s[%d]", key, i))
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Map:
		s.checkMap(n, t.Elem(), key)
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		s.checkStruct(n, t, key)
	}
}

func (s *strict) checkMap(n *yaml.Node, elem reflect.Type, key string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		s.check(n.Content[i+1], elem, under(key, n.Content[i].Value))
	}
}

func (s *strict) checkStruct(n *yaml.Node, t reflect.Type, key string) {
	fields := keysOf(t)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		ft, ok := fields[name.Value]
		if !ok {
			s.fault(name, "unknown key %s; known here: %s", under(key, name.Value), strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			continue
		}
		s.check(n.Content[i+1], ft, under(key, name.Value))
	}
}

// keysOf lists the keys of a struct, those of inlined structs among them.
func keysOf(t reflect.Type) map[string]reflect.Type {
	keys := map[string]reflect.Type{}
	for f := range t.Fields() {
		switch tag, options, _ := strings.Cut(f.Tag.Get("yaml"), ","); {
		case options == "inline":
			maps.Copy(keys, keysOf(f.Type))
		case tag != "" && tag != "-":
			keys[tag] = f.Type
		}
	}
	return keys
}

func under(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
