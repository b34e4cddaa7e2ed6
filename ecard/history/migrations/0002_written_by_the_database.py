"""The database notes every change of a rule itself, bulk statements and statements by hand included.

Nobody but the tables' owner writes the history: the function runs with the owner's rights. To watch another table, a
later migration says `SELECT history_watch(label, table, key_column, field, other_column)`: the model's label, its table
and key with two empty strings; or a relation's table, the column that names the model, the field, the other column.
"""

from django.conf import settings
from django.db import migrations

NOTE = """
CREATE FUNCTION history_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    now_is jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    about bigint := coalesce(now_is, was) ->> TG_ARGV[1];
    old_row jsonb := was;
    members jsonb;
BEGIN
    IF TG_ARGV[2] <> '' THEN
        -- A relation: what was added or taken, and all there is now, so that a reader sees the whole before and after.
        EXECUTE format(
            'SELECT coalesce(jsonb_agg(%1$I ORDER BY %1$I), ''[]'') FROM %2$s WHERE %3$I = $1',
            TG_ARGV[3], TG_RELID::regclass, TG_ARGV[1]
        ) INTO members USING about;
        was := CASE WHEN TG_OP = 'DELETE' THEN jsonb_build_object('id', was -> TG_ARGV[3]) END;
        now_is := jsonb_build_object('id', now_is -> TG_ARGV[3], 'ids', members);
    ELSIF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(key, value) INTO was FROM jsonb_each(old_row)
            WHERE now_is -> key IS DISTINCT FROM value;
        IF was IS NULL THEN
            RETURN NULL;
        END IF;
        SELECT jsonb_object_agg(key, value) INTO now_is FROM jsonb_each(now_is)
            WHERE old_row -> key IS DISTINCT FROM value;
    END IF;
    INSERT INTO history_rulechange (at, by_id, transaction, label, key, field, verb, before, after)
    VALUES (
        clock_timestamp(), NULLIF(current_setting('ecard.by', true), '')::integer, txid_current(),
        TG_ARGV[0], about, TG_ARGV[2], TG_OP, was, now_is
    );
    RETURN NULL;
END $$;

CREATE FUNCTION history_watch(label text, watched regclass, key_column text, field text, other_column text)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER history_note AFTER INSERT OR UPDATE OR DELETE ON %s'
        ' FOR EACH ROW EXECUTE FUNCTION history_note(%L, %L, %L, %L)',
        watched, label, key_column, field, other_column
    );
END $$;

CREATE FUNCTION history_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: history is written once', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER history_is_for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON history_rulechange
    FOR EACH STATEMENT EXECUTE FUNCTION history_refuse_change();
"""

FORGET = """
DROP TRIGGER history_is_for_ever ON history_rulechange;
DROP FUNCTION history_refuse_change();
DROP FUNCTION history_watch(text, regclass, text, text, text);
DROP FUNCTION history_note() CASCADE;
"""

WATCHED = [  # label, table, column that names the rule, relation, its other column
    ("benefits.programme", "benefits_programme", "id", "", ""),
    ("benefits.programme", "benefits_programme_sites", "programme_id", "sites", "site_id"),
    ("benefits.programme", "benefits_programme_outlets", "programme_id", "outlets", "outlet_id"),
    ("benefits.programme", "benefits_programme_periods", "programme_id", "periods", "mealperiod_id"),
    ("benefits.programme", "benefits_programme_categories", "programme_id", "categories", "category_id"),
    ("benefits.programme", "benefits_programme_excludes", "from_programme_id", "excludes", "to_programme_id"),
    ("benefits.programme", "benefits_programme_for_groups", "programme_id", "for_groups", "group_id"),
    ("benefits.pricerule", "benefits_pricerule", "id", "", ""),
    ("benefits.pricerule", "benefits_pricerule_sites", "pricerule_id", "sites", "site_id"),
    ("benefits.pricerule", "benefits_pricerule_outlets", "pricerule_id", "outlets", "outlet_id"),
    ("benefits.pricerule", "benefits_pricerule_periods", "pricerule_id", "periods", "mealperiod_id"),
    ("benefits.pricerule", "benefits_pricerule_categories", "pricerule_id", "categories", "category_id"),
    ("benefits.pricerule", "benefits_pricerule_classes", "pricerule_id", "classes", "priceclass_id"),
    ("benefits.pricerule", "benefits_pricerule_groups", "pricerule_id", "groups", "group_id"),
    ("benefits.pricerule", "benefits_pricerule_lists", "pricerule_id", "lists", "personlist_id"),
    ("benefits.entitlement", "benefits_entitlement", "id", "", ""),
    ("benefits.entitlement", "benefits_entitlement_sites", "entitlement_id", "sites", "site_id"),
    ("benefits.entitlement", "benefits_entitlement_outlets", "entitlement_id", "outlets", "outlet_id"),
    ("benefits.entitlement", "benefits_entitlement_periods", "entitlement_id", "periods", "mealperiod_id"),
    ("benefits.entitlement", "benefits_entitlement_categories", "entitlement_id", "categories", "category_id"),
    ("benefits.entitlement", "benefits_entitlement_classes", "entitlement_id", "classes", "priceclass_id"),
    ("benefits.entitlement", "benefits_entitlement_groups", "entitlement_id", "groups", "group_id"),
    ("benefits.entitlement", "benefits_entitlement_lists", "entitlement_id", "lists", "personlist_id"),
    ("benefits.spendlimit", "benefits_spendlimit", "id", "", ""),
    ("benefits.spendlimit", "benefits_spendlimit_sites", "spendlimit_id", "sites", "site_id"),
    ("benefits.spendlimit", "benefits_spendlimit_outlets", "spendlimit_id", "outlets", "outlet_id"),
    ("benefits.spendlimit", "benefits_spendlimit_periods", "spendlimit_id", "periods", "mealperiod_id"),
    ("benefits.spendlimit", "benefits_spendlimit_categories", "spendlimit_id", "categories", "category_id"),
    ("benefits.spendlimit", "benefits_spendlimit_classes", "spendlimit_id", "classes", "priceclass_id"),
    ("benefits.spendlimit", "benefits_spendlimit_groups", "spendlimit_id", "groups", "group_id"),
    ("benefits.spendlimit", "benefits_spendlimit_lists", "spendlimit_id", "lists", "personlist_id"),
    ("benefits.block", "benefits_block", "id", "", ""),
    ("benefits.block", "benefits_block_sites", "block_id", "sites", "site_id"),
    ("benefits.block", "benefits_block_outlets", "block_id", "outlets", "outlet_id"),
    ("benefits.block", "benefits_block_periods", "block_id", "periods", "mealperiod_id"),
    ("benefits.block", "benefits_block_categories", "block_id", "categories", "category_id"),
    ("benefits.block", "benefits_block_classes", "block_id", "classes", "priceclass_id"),
    ("benefits.block", "benefits_block_groups", "block_id", "groups", "group_id"),
    ("benefits.block", "benefits_block_lists", "block_id", "lists", "personlist_id"),
    ("benefits.block", "benefits_block_products", "block_id", "products", "product_id"),
    ("benefits.block", "benefits_block_allergens", "block_id", "allergens", "allergen_id"),
    ("benefits.agestep", "benefits_agestep", "id", "", ""),
    ("benefits.policysettings", "benefits_policysettings", "id", "", ""),
    ("benefits.sponsor", "benefits_sponsor", "account_id", "", ""),
    ("benefits.guardianlimit", "benefits_guardianlimit", "id", "", ""),
    ("benefits.guardianlimit", "benefits_guardianlimit_categories", "guardianlimit_id", "categories", "category_id"),
    ("merchants.product", "merchants_product", "id", "", ""),
    ("merchants.product", "merchants_product_allergens", "product_id", "allergens", "allergen_id"),
    ("merchants.placement", "merchants_placement", "id", "", ""),
    ("merchants.category", "merchants_category", "id", "", ""),
    ("merchants.allergen", "merchants_allergen", "id", "", ""),
    ("merchants.mealperiod", "merchants_mealperiod", "id", "", ""),
    ("merchants.calendarday", "merchants_calendarday", "id", "", ""),
    ("merchants.site", "merchants_site", "id", "", ""),
    ("merchants.outlet", "merchants_outlet", "id", "", ""),
    ("cardholders.group", "cardholders_group", "id", "", ""),
    ("cardholders.priceclass", "cardholders_priceclass", "id", "", ""),
    ("cardholders.personlist", "cardholders_personlist", "id", "", ""),
    ("cardholders.personlist", "cardholders_personlist_groups", "personlist_id", "groups", "group_id"),
]


def take_rights(apps, schema_editor):
    """The role that web, worker, demo and tests run as may only read the history."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.ECARD_RUNTIME_ROLE])
        if cursor.fetchone() is None:
            return
    role = schema_editor.quote_name(settings.ECARD_RUNTIME_ROLE)
    schema_editor.execute(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON history_rulechange FROM {role}")


class Migration(migrations.Migration):
    dependencies = [
        ("history", "0001_initial"),
        ("benefits", "0009_days_of_sponsors"),
        ("merchants", "0003_allergens"),
        ("cardholders", "0003_attributes_within_bounds"),
    ]

    operations = [
        migrations.RunSQL(NOTE, FORGET),
        *(
            migrations.RunSQL([("SELECT history_watch(%s, %s, %s, %s, %s)", row)], migrations.RunSQL.noop)
            for row in WATCHED
        ),
        migrations.RunPython(take_rights, migrations.RunPython.noop),
    ]
