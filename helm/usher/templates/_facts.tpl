{{/*
What the programs are: who listens where, calls whom, needs which secret and reads which settings. The templates ask
here, so that a connection that is configured is also one that the network policies let through.
*/}}
{{- define "usher.facts" -}}
gateway:
  port: 8080
  listens: USHER_LISTEN
  protocol: http
  calls: [contacts, invitations, notifications]
  reaches: []
  secrets: [serviceKeys]
  settings: [gateway]
contacts:
  port: 8081
  listens: USHER_CONTACTS_LISTEN
  protocol: grpc
  calls: [invitations]
  reaches: [database, broker]
  secrets: [database, broker, serviceKeys, fieldKeys]
  settings: [broker, broker_prefix, database, inbound]
invitations:
  port: 8082
  listens: USHER_INVITATIONS_LISTEN
  protocol: grpc
  calls: [contacts, notifications]
  reaches: [database, broker]
  secrets: [database, broker, serviceKeys, sealKeys, signingKeys]
  settings: [broker, broker_prefix, database]
notifications:
  port: 8083
  listens: USHER_NOTIFICATIONS_LISTEN
  protocol: grpc
  calls: [invitations]
  reaches: [database, broker, smtp]
  secrets: [database, broker, smtp, serviceKeys, sealKeys]
  settings: [broker, broker_prefix, database, mail]
migrate:
  calls: []
  reaches: [database]
  secrets: [database]
  settings: []
operations:
  calls: []
  reaches: [database, broker, smtp]
  secrets: [database, broker, smtp, serviceKeys, sealKeys, fieldKeys, signingKeys]
  settings: [broker, broker_prefix, database, gateway, inbound, mail]
{{- end -}}

{{/* Under which variable a program takes a secret. */}}
{{- define "usher.secretVariables" -}}
database: USHER_DATABASE_URL
broker: USHER_AMQP_URL
smtp: USHER_SMTP_URL
serviceKeys: USHER_SERVICE_KEYS
sealKeys: USHER_SEAL_KEYS
fieldKeys: USHER_FIELD_KEYS
signingKeys: USHER_SIGNING_KEYS
{{- end -}}

{{/* Under which variable a program takes the file with the authorities of what it reaches, and where the file is. */}}
{{- define "usher.authorityVariables" -}}
database: USHER_TLS__DATABASE_CA
broker: USHER_TLS__AMQP_CA
smtp: USHER_TLS__SMTP_CA
otlp: USHER_TLS__OTLP_CA
{{- end -}}
{{- define "usher.authorityFolder" -}}/etc/usher/authorities/{{ . }}{{- end -}}

{{/* The private port of each process, for metrics and for the question whether it lives. */}}
{{- define "usher.metricsPort" -}}9464{{- end -}}
