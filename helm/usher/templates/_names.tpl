{{/* How objects are called and labelled. Arguments: a dict of root (the chart's top scope) and name (the component). */}}

{{/* The beginning of every object's name. Room is left for the longest component and a suffix. */}}
{{- define "usher.fullname" -}}
{{- $chart := .Values.nameOverride | default .Chart.Name -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name $chart) (contains $chart .Release.Name) -}}
{{- .Values.fullnameOverride | default $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "usher.component" -}}
{{- printf "%s-%s" (include "usher.fullname" .root) .name -}}
{{- end -}}

{{/* What never changes: selectors cannot be changed after an install. */}}
{{- define "usher.selector" -}}
app.kubernetes.io/name: {{ .root.Values.nameOverride | default .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "usher.labels" -}}
{{- $own := include "usher.selector" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/part-of" "usher" -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $_ := set $own "app.kubernetes.io/version" (.root.Values.image.tag | default .root.Chart.AppVersion) -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
{{/* ours win: somebody else's label must not break a selector */}}
{{- merge $own .root.Values.commonLabels | toYaml -}}
{{- end -}}

{{- define "usher.serviceAccount" -}}
{{- if .root.Values.serviceAccount.create -}}
{{- include "usher.component" . -}}
{{- else -}}
{{- .root.Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* A component's image. Arguments: root and own. */}}
{{- define "usher.image" -}}
{{- $repository := list .root.Values.image.registry .own.image.repository | compact | join "/" -}}
{{- $tag := .root.Values.image.tag | default .root.Chart.AppVersion -}}
{{- include "usher.reference" (dict "repository" $repository "tag" $tag "digest" .own.image.digest) -}}
{{- end -}}

{{/* A digest wins over a tag. */}}
{{- define "usher.reference" -}}
{{- ternary (printf "%s@%s" .repository .digest) (printf "%s:%s" .repository .tag) (not (empty .digest)) -}}
{{- end -}}

{{/* The host of publicUrl, for routes that name none. */}}
{{- define "usher.publicHost" -}}
{{- (urlParse .Values.publicUrl).hostname -}}
{{- end -}}

{{/* Objects of a hook that are needed before everything else, and by nothing after it. */}}
{{- define "usher.beforeMigrations" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: "-10"
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
