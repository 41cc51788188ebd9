# Asks the gateway a query as a client would: GATEWAY is its address. With EMAIL and PASSWORD it signs in first and asks
# who it is; without them it asks the same as nobody, which is answered, too. It says what it did, and nothing secret.
json() { printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g'; }

ask() {
    body=$1
    shift
    printf '%s' "$body" | curl --fail-with-body --silent --show-error --max-time 15 \
        --header 'content-type: application/json' --header 'accept: application/graphql-response+json' \
        "$@" --data-binary @- "$GATEWAY/graphql"
}

fail() {
    echo "$1" >&2
    exit 1
}

curl --fail --silent --show-error --max-time 15 "$GATEWAY/readyz" >/dev/null || fail "the gateway is not ready"

if [ -z "${EMAIL:-}" ]; then
    answer=$(ask '{"query":"{ viewer { __typename } }"}') || fail "the query was refused: $answer"
    case $answer in
    '{"data":{"viewer":null}}') echo "the gateway answers a query of nobody" ;;
    *) fail "an answer that was not expected: $answer" ;;
    esac
    exit 0
fi

document='mutation($in: SignInInput!) { signIn(input: $in) { session { accessToken } userErrors { code } } }'
input="\"email\":\"$(json "$EMAIL")\",\"password\":\"$(json "$PASSWORD")\""
[ -z "${ORGANIZATION:-}" ] || input="$input,\"organization\":\"$(json "$ORGANIZATION")\""
answer=$(ask "{\"query\":\"$document\",\"variables\":{\"in\":{$input}}}") || fail "signing in was refused: $answer"
token=$(printf '%s' "$answer" | sed -n 's/.*"accessToken":"\([^"]*\)".*/\1/p')
[ -n "$token" ] || fail "signing in gave no session: $answer"

answer=$(ask '{"query":"{ viewer { __typename } }"}' --header "authorization: Bearer $token") ||
    fail "the query was refused: $answer"
case $answer in
*'"__typename":"Member"'* | *'"__typename":"PortalUser"'*) echo "signed in, and the gateway knows as whom" ;;
*) fail "an answer that was not expected: $answer" ;;
esac
