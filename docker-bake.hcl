# All images: `docker buildx bake`, which `make images` calls with the variables set. A builder of the kind
# docker-container is needed for the attestations.

variable "REGISTRY" { default = "" }
variable "VERSION" { default = "dev" }
variable "REVISION" { default = "" }
variable "CREATED" { default = "" }
variable "SOURCE" { default = "" }
variable "SOURCE_DATE_EPOCH" { default = "0" }
# type=registry pushes, type=docker loads one platform into the local engine.
variable "OUTPUT" { default = "type=image" }
variable "PLATFORMS" { default = "linux/amd64,linux/arm64" }

group "default" {
  targets = ["image"]
}

target "image" {
  name = image
  matrix = {
    image = ["gateway", "contacts", "invitations", "notifications", "migrate"]
  }
  target    = image
  context   = "."
  tags      = ["${REGISTRY == "" ? "" : "${REGISTRY}/"}usher-${image}:${VERSION}"]
  platforms = split(",", PLATFORMS)
  args = {
    SOURCE_DATE_EPOCH = SOURCE_DATE_EPOCH
  }
  labels = {
    "org.opencontainers.image.title"    = "usher-${image}"
    "org.opencontainers.image.version"  = VERSION
    "org.opencontainers.image.revision" = REVISION
    "org.opencontainers.image.created"  = CREATED
    "org.opencontainers.image.source"   = SOURCE
    "org.opencontainers.image.licenses" = "Apache-2.0"
  }
  # What is in an image, and how it was built, travel with it.
  attest = ["type=sbom", "type=provenance,mode=max"]
  output = ["${OUTPUT},rewrite-timestamp=true"]
}
