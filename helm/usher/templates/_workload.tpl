{{/*
A service of Usher: everything that one of them consists of. Arguments: root and name; the rest is in the values under
that name and in usher.facts.
*/}}
{{- define "usher.workload" -}}
{{- $own := index .root.Values .name -}}
{{- $facts := index (include "usher.facts" . | fromYaml) .name -}}
{{- $scope := dict "root" .root "name" .name "own" $own "facts" $facts -}}
{{- $scaled := ne (dig "autoscaling" "by" "none" $own) "none" -}}
{{- $fewest := ternary (dig "autoscaling" "minReplicas" 1 $own) $own.replicas $scaled -}}
{{- include "usher.deployment" (merge (dict "scaled" $scaled) $scope) }}
---
{{ include "usher.service" $scope }}
{{- if .root.Values.serviceAccount.create }}
---
{{ include "usher.account" $scope }}
{{- end }}
{{- if gt (int $fewest) 1 }}
---
{{ include "usher.disruption" $scope }}
{{- end }}
{{- if eq (dig "autoscaling" "by" "none" $own) "cpu" }}
---
{{ include "usher.scaledByProcessor" $scope }}
{{- end }}
{{- if eq (dig "autoscaling" "by" "none" $own) "queue" }}
---
{{ include "usher.scaledByQueue" $scope }}
{{- end }}
{{- if .root.Values.networkPolicy.enabled }}
---
{{ include "usher.policy" $scope }}
{{- end }}
{{- end -}}

{{/* Arguments besides: suffix, for a second object of a kind. */}}
{{- define "usher.metadata" -}}
name: {{ include "usher.component" . }}{{ .suffix }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "usher.labels" . | nindent 2 }}
{{- end -}}

{{- define "usher.deployment" -}}
{{- $pod := include "usher.podValues" . | fromYaml -}}
{{- $settings := mergeOverwrite (deepCopy .root.Values.settings) .own.settings -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "usher.metadata" . | nindent 2 }}
spec:
  {{- /* where something scales the pods, an upgrade must not set their number back */}}
  {{- if not .scaled }}
  replicas: {{ int .own.replicas }}
  {{- end }}
  revisionHistoryLimit: {{ int .root.Values.revisionHistoryLimit }}
  # Callers resolve names again every few seconds: a new pod is known before an old one goes.
  minReadySeconds: 5
  strategy:
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
  selector:
    matchLabels:
      {{- include "usher.selector" . | nindent 6 }}
  template:
    metadata:
      {{- include "usher.podMetadata" . | nindent 6 }}
    spec:
      serviceAccountName: {{ include "usher.serviceAccount" . }}
      {{- include "usher.podHead" . | nindent 6 }}
      # The pause before the stop, the work in progress, and what telemetry needs to be flushed.
      terminationGracePeriodSeconds: {{ add (int $pod.preStopSeconds) (int $settings.lifecycle.grace_seconds) 10 }}
      {{- with include "usher.spread" . }}
      topologySpreadConstraints:
        {{- . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .name }}
          image: {{ include "usher.image" . }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          ports:
            - { name: {{ .facts.protocol }}, containerPort: {{ .facts.port }} }
            - { name: metrics, containerPort: {{ include "usher.metricsPort" . }} }
          {{- include "usher.probes" . | nindent 10 }}
          {{- if $pod.preStopSeconds }}
          lifecycle:
            preStop:
              sleep: { seconds: {{ int $pod.preStopSeconds }} }
          {{- end }}
          {{- include "usher.containerTail" . | nindent 10 }}
      volumes:
        {{- include "usher.volumes" . | nindent 8 }}
{{- end -}}

{{/*
Started and alive: the process answers on its private port, whatever database and broker do; waiting for them is no
reason to be killed. Ready: it can verify tokens, and its database answers.
*/}}
{{- define "usher.probes" -}}
startupProbe:
  httpGet: { path: /livez, port: metrics }
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: { path: /livez, port: metrics }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: metrics }
  periodSeconds: 5
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{/* Replicas of one version are spread: matchLabelKeys keeps those of the version before out of the count. */}}
{{- define "usher.spread" -}}
{{- $pod := include "usher.podValues" . | fromYaml -}}
{{- $rules := list -}}
{{- range $key, $topology := dict "zone" "topology.kubernetes.io/zone" "node" "kubernetes.io/hostname" -}}
{{- with index $pod.topologySpread $key -}}
{{- $rules = append $rules (dict
      "maxSkew" 1
      "topologyKey" $topology
      "whenUnsatisfiable" .
      "matchLabelKeys" (list "pod-template-hash")
      "labelSelector" (dict "matchLabels" (include "usher.selector" $ | fromYaml))) -}}
{{- end -}}
{{- end -}}
{{- if $rules }}{{ toYaml $rules }}{{ end -}}
{{- end -}}

{{/*
Callers of gRPC balance by themselves, so they are told every pod's address; people come by one. What is open to people
has no metrics: those of the gateway have a Service of their own.
*/}}
{{- define "usher.service" -}}
{{- $forPeople := eq .facts.protocol "http" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "usher.metadata" . | nindent 2 }}
  {{- with dig "service" "annotations" nil .own }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if $forPeople }}
  type: {{ .own.service.type }}
  {{- else }}
  clusterIP: None
  {{- end }}
  selector:
    {{- include "usher.selector" . | nindent 4 }}
  ports:
    - name: {{ .facts.protocol }}
      port: {{ dig "service" "port" .facts.port .own }}
      targetPort: {{ .facts.protocol }}
      appProtocol: {{ ternary "http" "kubernetes.io/h2c" $forPeople }}
    {{- if not $forPeople }}
    {{- include "usher.metricsServicePort" . | nindent 4 }}
    {{- else }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "usher.metadata" (merge (dict "suffix" "-metrics") .) | nindent 2 }}
spec:
  clusterIP: None
  selector:
    {{- include "usher.selector" . | nindent 4 }}
  ports:
    {{- include "usher.metricsServicePort" . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "usher.metricsServicePort" -}}
- name: metrics
  port: {{ include "usher.metricsPort" . }}
  targetPort: metrics
  appProtocol: http
{{- end -}}

{{- define "usher.account" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "usher.metadata" . | nindent 2 }}
  {{- with .root.Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}

{{- define "usher.disruption" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "usher.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .own.podDisruptionBudget.maxUnavailable }}
  # A pod that is not ready serves nobody, and must not keep a node from being drained.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "usher.selector" . | nindent 6 }}
{{- end -}}

{{- define "usher.scaledByProcessor" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "usher.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "usher.component" . }}
  minReplicas: {{ int .own.autoscaling.minReplicas }}
  maxReplicas: {{ int .own.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: { type: Utilization, averageUtilization: {{ int .own.autoscaling.targetCPU }} }
  behavior:
    # Subscriptions hang on pods: going down is slow.
    scaleDown: { stabilizationWindowSeconds: 300 }
{{- end -}}

{{/* Mail waits in two queues, one for single letters and one for mass mailings; the longer one decides. */}}
{{- define "usher.scaledByQueue" -}}
{{- $settings := mergeOverwrite (deepCopy .root.Values.settings) .own.settings -}}
{{- $broker := mergeOverwrite (deepCopy .root.Values.secrets.broker) (.own.secrets.broker | default dict) -}}
{{- $authority := .root.Values.authorities.broker -}}
{{- if $authority.name -}}
# KEDA verifies by an authority of yours only where this says so, and takes that from no other place.
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "usher.metadata" (merge (dict "suffix" "-keda") .) | nindent 2 }}
data: { tls: enable }
---
{{ end -}}
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata:
  {{- include "usher.metadata" . | nindent 2 }}
spec:
  secretTargetRef:
    - parameter: host
      name: {{ $broker.name | quote }}
      key: {{ $broker.key | quote }}
    {{- if $authority.name }}
    - parameter: ca
      name: {{ $authority.name | quote }}
      key: {{ $authority.key | quote }}
  configMapTargetRef:
    - parameter: tls
      name: {{ include "usher.component" . }}-keda
      key: tls
    {{- end }}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  {{- include "usher.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    name: {{ include "usher.component" . }}
  # Never none: letters that are due later are in the database, where no queue tells of them.
  minReplicaCount: {{ max 1 (int .own.autoscaling.minReplicas) }}
  maxReplicaCount: {{ int .own.autoscaling.maxReplicas }}
  pollingInterval: 15
  cooldownPeriod: 300
  triggers:
    {{- range $lane := list "interactive" "bulk" }}
    - type: rabbitmq
      metadata:
        protocol: amqp
        queueName: {{ printf "%snotifications.deliver.%s" $settings.broker_prefix $lane | quote }}
        mode: QueueLength
        value: {{ int $.own.autoscaling.queueLength | quote }}
      authenticationRef:
        name: {{ include "usher.component" $ }}
    {{- end }}
    {{- with .own.autoscaling.extraTriggers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
