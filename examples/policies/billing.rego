package stopper

default allow := false

allow if input.action != "create_billing"

allow if {
    input.action == "create_billing"
    input.context.currency == "EUR"
    input.context.amount <= 100
}

deny contains "only invoices in euro" if {
    input.action == "create_billing"
    input.context.currency != "EUR"
}

escalate contains "more than 20 euro" if {
    input.action == "create_billing"
    input.context.amount > 20
}
