{{/* The alerts. docs/operations.md says for each what to do; every name of a metric is one that the programs export. */}}
{{- define "usher.rules" -}}
{{- $of := printf "namespace=%q,service=~%q" .Release.Namespace (printf "%s-.+" (include "usher.fullname" .)) -}}
{{- $rules := .Values.monitoring.rules -}}
{{- range list "gateway" "contacts" "invitations" "notifications" }}
{{- $service := include "usher.component" (dict "root" $ "name" .) }}
- alert: UsherServiceDown
  expr: absent(up{namespace={{ $.Release.Namespace | quote }},service=~{{ printf "%s(-metrics)?" $service | quote }}} == 1)
  for: 5m
  # what is absent has no labels to tell them by
  labels: { severity: critical, service: {{ $service }} }
  annotations:
    summary: No pod of {{ . }} answers
{{- end }}
- alert: UsherPodDown
  expr: up{ {{- $of -}} } == 0
  for: 10m
  labels: { severity: warning }
  annotations:
    summary: {{ "{{ $labels.pod }} does not answer" | quote }}
- alert: UsherRequestsFail
  {{- /* a gateway that is not ready says so at /readyz with 503, as it should */}}
  {{- $asked := printf "http_server_request_duration_seconds_count{%s,http_route!~%q" $of "/(healthz|readyz)" }}
  expr: |-
    sum(rate({{ $asked }},http_response_status_code=~"5.."}[10m]))
    / sum(rate({{ $asked }}}[10m])) > {{ $rules.errorShare }}
    and
    sum(increase({{ $asked }}}[10m])) > 20
  for: 5m
  labels: { severity: critical }
  annotations:
    summary: The gateway answers many requests with an error of its own
- alert: UsherMailStopped
  expr: |-
    sum(increase(usher_events_published_total{ {{- $of -}} ,type=~"usher[.]invitation[.](issued|resent)[.]v1"}[30m])) > 0
    unless
    sum(increase(usher_events_published_total{ {{- $of -}} ,type=~"usher[.]message[.](sent|failed|suppressed|cancelled)[.]v1"}[30m])) > 0
  for: 15m
  labels: { severity: critical }
  annotations:
    summary: Invitations are issued, and nothing becomes of their mails
- alert: UsherMailSlow
  expr: |-
    histogram_quantile(0.9, sum by (le) (rate(usher_invitation_sent_duration_seconds_bucket{ {{- $of -}} }[30m]))) > {{ $rules.mailSeconds }}
  for: 15m
  labels: { severity: warning }
  annotations:
    summary: One mail in ten needs more than {{ $rules.mailSeconds }} s until a mail server takes it
- alert: UsherMailDeferred
  expr: |-
    sum(increase(usher_events_published_total{ {{- $of -}} ,type="usher.message.deferred.v1"}[30m]))
    > (sum(increase(usher_events_published_total{ {{- $of -}} ,type="usher.message.sent.v1"}[30m])) or vector(0))
  for: 30m
  labels: { severity: warning }
  annotations:
    summary: More mails are put off than go out
- alert: UsherMailWaits
  expr: |-
    max(usher_mails_oldest_age_seconds{ {{- $of -}} ,lane="interactive"}) > {{ $rules.mailSeconds }}
  for: 15m
  labels: { severity: critical }
  annotations:
    summary: A mail that somebody waits for is due for more than {{ $rules.mailSeconds }} s
- alert: UsherEventsWait
  expr: |-
    max by (service) (usher_outbox_oldest_age_seconds{ {{- $of -}} }) > 120
  for: 10m
  labels: { severity: critical }
  annotations:
    summary: {{ "What {{ $labels.service }} has to say does not reach the broker" | quote }}
- alert: UsherDeadLetters
  expr: |-
    max by (service) (usher_dead_letters{ {{- $of -}} }) > 0
  for: 5m
  labels: { severity: warning }
  annotations:
    summary: {{ "{{ $labels.service }} has given messages up" | quote }}
- alert: UsherMailRefused
  expr: |-
    sum(increase(usher_events_published_total{ {{- $of -}} ,type=~"usher[.]message[.](failed|bounced)[.]v1"}[1h]))
    / sum(increase(usher_events_published_total{ {{- $of -}} ,type=~"usher[.]message[.](sent|failed)[.]v1"}[1h])) > {{ $rules.refusedShare }}
    and
    sum(increase(usher_events_published_total{ {{- $of -}} ,type=~"usher[.]message[.](sent|failed)[.]v1"}[1h])) > 20
  for: 15m
  labels: { severity: warning }
  annotations:
    summary: Many mails fail or bounce
- alert: UsherBatchStandsStill
  expr: |-
    max(usher_batches_open{ {{- $of -}} ,state="RUNNING"}) > 0
    unless
    sum(increase(usher_events_published_total{ {{- $of -}} ,type=~"usher[.]invitation[.](issued|resent|cancelled)[.]v1"}[1h])) > 0
  for: 1h
  labels: { severity: warning }
  annotations:
    summary: A batch runs, and for two hours it has invited nobody
{{- end -}}
