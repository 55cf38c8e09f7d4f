from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Item",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                ("sku", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=200)),
                ("quantity", models.IntegerField(default=0)),
            ],
        )
    ]
