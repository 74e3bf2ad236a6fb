package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
)

// fields is as much of an OpenAPI schema as tells which fields there must be.
type fields struct {
	Ref        string             `json:"$ref"`
	Required   []string           `json:"required"`
	Properties map[string]*fields `json:"properties"`
	Items      *fields            `json:"items"`
	Values     *fields            `json:"additionalProperties"`
	Kinds      []struct {
		Group   string `json:"group"`
		Version string `json:"version"`
		Kind    string `json:"kind"`
	} `json:"x-kubernetes-group-version-kind"`
}

// api is what Kubernetes publishes of its own objects, by the names of their types.
type api struct {
	Definitions map[string]*fields `json:"definitions"`
}

func readAPI(path string) (*api, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var read api
	if err := json.Unmarshal(text, &read); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &read, nil
}

// of is the schema of objects of a kind.
func (a *api) of(group, version, kind string) (*fields, error) {
	for _, definition := range a.Definitions {
		for _, one := range definition.Kinds {
			if one.Group == group && one.Version == version && one.Kind == kind {
				return definition, nil
			}
		}
	}
	return nil, fmt.Errorf("the API that is asked has no %s of %s/%s", kind, group, version)
}

// missing names the fields that `value` must have by its schema, and has not.
func (a *api) missing(value any, by *fields, at string) []string {
	if by == nil {
		return nil
	}
	if by.Ref != "" {
		return a.missing(value, a.Definitions[strings.TrimPrefix(by.Ref, "#/definitions/")], at)
	}
	var found []string
	switch value := value.(type) {
	case []any:
		for i, entry := range value {
			found = append(found, a.missing(entry, by.Items, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case map[string]any:
		for _, name := range by.Required {
			if value[name] == nil {
				found = append(found, at+"."+name)
			}
		}
		for name, inner := range value {
			of := by.Properties[name]
			if of == nil {
				of = by.Values
			}
			found = append(found, a.missing(inner, of, at+"."+name)...)
		}
		sort.Strings(found)
	}
	return found
}
